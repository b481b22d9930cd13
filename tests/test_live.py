"""Live figures: what `live` promises and refuses, and those of the chapters."""

import importlib
import io
import json
import random
import re
from importlib.util import find_spec
from pathlib import Path

import ipywidgets
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from book import NOTEBOOKS

matplotlib.use("Agg")

from helpers import live

module = importlib.import_module("helpers.live")
VIEW = "application/vnd.jupyter.widget-view+json"
PROBE = """// a comment: export default is what follows
const stage = 3, el = 4, given = 5; // names that the mount uses, too
function compute(data, { x }) { return [[x * data.factor, stage], el + given]; }
function render({ model, el }) {
  const button = document.createElement("button");
  button.textContent = model.get("data").text;
  const six = () => compute(model.get("data"), { x: 2 })[0][0];
  button.onclick = () => { button.textContent = six(); };
  el.setAttribute("aria-label", model.get("alt"));
  el.append(button);
}
export default { compute, render };
"""
WILD = "</script><b>bold</b><!--<script> ${x} {x}"
# compute(data, state) of the figure number k on the page
COMPUTED = "([k, state]) => { const el = document.querySelectorAll('.live')[k]; "
COMPUTED += "return el.figure.compute(el.data, state); }"


def truth(state):
    return [np.array([3 * state["x"], 3]), 9]


def figure():
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.plot([0, 1])
    return fig


def good(**changes):
    rng = random.Random(0)
    given = {
        "name": "probe",
        "data": {"factor": 3, "text": WILD},
        "alt": 'a <button> "of" ours',
        "states": [{"x": rng.uniform(-1, 1)} for _ in range(20)],
        "truth": truth,
    } | changes
    if "still" not in given:
        given["still"] = figure()
    return live(given.pop("name"), given.pop("data"), **given)


@pytest.fixture(autouse=True)
def shown(monkeypatch, tmp_path):
    """What is displayed; the folder of the modules holds only `probe`."""
    bundles = []
    monkeypatch.setattr(module, "display", lambda bundle, raw: bundles.append(bundle))
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    (tmp_path / "probe.js").write_text(PROBE, encoding="utf-8")
    yield bundles
    plt.close("all")


def differences(page, bundle, k=0):
    """How far the page's figure number k is from the truth, state by state."""
    tested = bundle[module.LIVE_MIME]
    pairs = zip(tested["states"], tested["expected"], strict=True)
    return [far(page.evaluate(COMPUTED, [k, state]), right) for state, right in pairs]


def far(measured, expected):
    """The largest difference of nested lists, relative above 1; inf if not alike."""
    if isinstance(expected, list):
        if not isinstance(measured, list) or len(measured) != len(expected):
            return np.inf
        return max(map(far, measured, expected), default=0)
    if isinstance(measured, bool) or not isinstance(measured, (int, float)):
        return np.inf
    distance = abs(measured - expected) / max(1, abs(expected))
    return np.inf if np.isnan(distance) else distance


def opened(chromium, tmp_path, text, address=None, **context):
    """A page of our own, opened as a file or as if it came from an address."""
    path = tmp_path / "page.html"
    page = f"<!doctype html><meta charset='utf-8'>{text}<p id='after'>after</p>"
    path.write_text(page, encoding="utf-8")
    page = chromium.new_context(**context).new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    if address:
        page.route(address, lambda route: route.fulfill(path=path))
    page.goto(address or path.as_uri())
    return page


# --- the page's half ------------------------------------------------------------------


@pytest.mark.parametrize("address", [None, "http://book.test/page.html"])
def test_it_computes_what_the_truth_says(chromium, shown, tmp_path, address):
    good()
    page = opened(chromium, tmp_path, shown[0]["text/html"], address)
    page.wait_for_selector(".live[data-on]")
    assert max(differences(page, shown[0])) < 1e-6
    root = page.locator('.live[data-live="probe"]')
    assert root.locator("img").count() == 0, "the still picture has gone"
    assert root.locator("button").inner_text() == WILD, "data is text, not markup"
    root.locator("button").click()
    assert root.locator("button").inner_text() == "6"
    label = root.locator("[aria-label]").get_attribute("aria-label")
    assert label == 'a <button> "of" ours'
    assert page.locator("#after").inner_text() == "after" and not page.complaints
    page.context.close()


def test_a_wrong_module_is_far_from_the_truth(chromium, shown, tmp_path):
    for right, wrong in (
        ("x * data.factor", "-x * data.factor"),
        ("[[x * data.factor, stage], el + given]", "[[x * data.factor], el + given]"),
        ("el + given]", "String(el + given)]"),
        ("el + given]", "0 / 0]"),
    ):
        (tmp_path / "probe.js").write_text(
            PROBE.replace(right, wrong), encoding="utf-8"
        )
        good()
        page = opened(chromium, tmp_path, shown[-1]["text/html"])
        page.wait_for_selector(".live[data-on]")
        assert not max(differences(page, shown[-1])) < 1e-6, wrong
        page.context.close()


def test_without_script_the_still_picture_stands(chromium, shown, tmp_path):
    out = io.BytesIO()
    Image.new("RGB", (60, 40), (200, 30, 30)).save(out, "PNG")
    good(still=out.getvalue())
    good()
    text = shown[0]["text/html"] + shown[1]["text/html"]
    page = opened(chromium, tmp_path, text, java_script_enabled=False)
    for k, width in enumerate((60, 200)):
        picture = page.locator(".live img").nth(k)
        assert picture.get_attribute("alt") == 'a <button> "of" ours'
        assert picture.bounding_box()["width"] == width
    shot = Image.open(io.BytesIO(page.locator(".live img").first.screenshot()))
    colour = np.asarray(shot.convert("RGB"))[20, 30].astype(int)
    assert np.abs(colour - (200, 30, 30)).max() < 12
    assert page.locator("button").count() == 0 and "compute" not in page.inner_text(
        "body"
    )
    page.context.close()
    assert not plt.get_fignums(), "the still is closed, or it would be shown twice"


@pytest.mark.parametrize(
    "fault", ["throw new Error('no');", "el.nothing.at.all();", "("]
)
def test_a_module_that_fails_leaves_the_still_picture(chromium, shown, tmp_path, fault):
    broken = PROBE.replace("  el.append(button);", f"  el.append(button); {fault}")
    (tmp_path / "probe.js").write_text(broken, encoding="utf-8")
    good()
    page = opened(chromium, tmp_path, shown[0]["text/html"])
    page.wait_for_load_state()
    assert page.locator(".live img").count() == 1 and page.complaints
    page.context.close()


def test_copies_and_different_data_on_one_page(chromium, shown, tmp_path):
    """In whatever order the scripts run: JupyterLab runs those first that are seen."""
    for factor, text in ((2, "two"), (1, "one"), (1, "one")):
        good(data={"factor": factor, "text": text})
    places, scripts = [], []
    for bundle in shown:
        place, script = bundle["text/html"].split("<script")
        places.append(place)
        scripts.append("<script" + script)
    page = opened(chromium, tmp_path, "".join(places + scripts[::-1]))
    page.wait_for_function("document.querySelectorAll('.live[data-on]').length === 3")
    assert page.locator("button").all_inner_texts() == ["two", "one", "one"]
    data = page.evaluate("[...document.querySelectorAll('.live')].map(e => e.data)")
    assert [given["factor"] for given in data] == [2, 1, 1]
    page.context.close()


def test_the_same_bytes_twice_and_json(shown):
    good()
    good()
    assert shown[0]["text/html"] == shown[1]["text/html"]
    assert shown[0][module.LIVE_MIME] == shown[1][module.LIVE_MIME]
    tested = json.loads(json.dumps(shown[0]))[module.LIVE_MIME]
    assert set(tested) == {"name", "states", "expected"} and tested["name"] == "probe"
    assert len(tested["states"]) == len(tested["expected"]) == 20
    assert np.allclose(tested["expected"][3][0][0], 3 * tested["states"][3]["x"], 1e-9)


# --- the kernel's half ----------------------------------------------------------------


def model_of(bundle):
    return ipywidgets.widgets.widget._instances[bundle[VIEW]["model_id"]]


def test_in_a_kernel_it_is_an_anywidget(shown):
    good()
    state = model_of(shown[0]).get_state()
    assert state["_esm"] == PROBE and state["alt"] == 'a <button> "of" ours'
    assert state["data"] == {"factor": 3, "text": WILD}


def test_running_a_cell_again_leaves_no_widget_behind(shown):
    good(alt="run again")
    alive = len(ipywidgets.widgets.widget._instances)
    good(alt="run again")
    assert len(ipywidgets.widgets.widget._instances) == alive


def test_without_anywidget_the_page_half_serves(shown, monkeypatch):
    monkeypatch.setitem(importlib.import_module("sys").modules, "anywidget", None)
    good()
    assert VIEW not in shown[0] and "data-live" in shown[0]["text/html"]


# --- what it refuses ------------------------------------------------------------------


@pytest.mark.parametrize(
    "error, match, changes",
    [
        (ValueError, "name is 'nothing', expected one of probe", {"name": "nothing"}),
        (ValueError, "name is '../probe'", {"name": "../probe"}),
        (ValueError, "alt is ' '", {"alt": " "}),
        (ValueError, "alt is None", {"alt": None}),
        (TypeError, "data: .*JSON", {"data": np.ones(3)}),
        (TypeError, "data: .*JSON", {"data": float("nan")}),
        (TypeError, "states: .*JSON", {"states": [{1, 2}] * 20}),
        (ValueError, "states has 19 states, expected 20", {"states": [{"x": 1}] * 19}),
        (ValueError, "states has no states", {"states": None}),
        (TypeError, "truth is 3", {"truth": 3}),
        (ValueError, "truth of .* has nan", {"truth": lambda s: [1.0, float("nan")]}),
        (ValueError, "truth of .* has 'a'", {"truth": lambda s: "a"}),
        (ValueError, "truth of .* has None", {"truth": lambda s: [1, None]}),
        (TypeError, "still is str", {"still": "picture.png"}),
        (TypeError, "still is bytes", {"still": b"GIF89a"}),
        (ValueError, "page take .* expected at most 150 kB", {"data": "x" * 150_000}),
        (
            ValueError,
            "expected take .* at most 150 kB",
            {"truth": lambda s: [0.1] * 2000},
        ),
    ],
)
def test_live_says_what_is_wrong(error, match, changes, shown):
    with pytest.raises(error, match=match):
        good(**changes)
    assert not shown


@pytest.mark.parametrize(
    "match, text",
    [
        (
            "probe.js has 201 lines, expected at most 200",
            PROBE + "\n" * (201 - PROBE.count("\n")),
        ),
        ("probe.js has an import", 'import x from "y";\n' + PROBE),
        (r"exports \[\]", PROBE.replace("export default", "const figure =")),
        ("exports .*const", PROBE + "export const more = 1;\n"),
        ("script markup", PROBE + "// </script>\n"),
        ("script markup", PROBE + "// <!--\n"),
    ],
)
def test_modules_that_a_page_cannot_hold(match, text, tmp_path, shown):
    (tmp_path / "probe.js").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=match):
        good()
    assert not shown


# --- race -----------------------------------------------------------------------------

FOLDER = module.FOLDER  # before `shown` puts another in its place
SLOPES = {
    "bowl": lambda x, y: (x, y),
    "valley": lambda x, y: (x, 20 * y),
    "saddle": lambda x, y: (x, y**3 - y),
    "Himmelblau": lambda x, y: (
        4 * x * (x**2 + y - 11) + 2 * (x + y**2 - 7),
        2 * (x**2 + y - 11) + 4 * y * (x + y**2 - 7),
    ),
}
MINIMA = {
    "bowl": [(0, 0)],
    "valley": [(0, 0)],
    "saddle": [(0, 1), (0, -1)],
    "Himmelblau": [
        (3, 2),
        (-2.805118, 3.131313),
        (-3.779310, -3.283186),
        (3.584428, -1.848127),
    ],
}
RATES = {"bowl": 0.1, "valley": 0.1, "saddle": 0.1, "Himmelblau": 0.2}


def curvatures(name):
    """The smallest and the largest curvature at the minima, by differences."""
    g, h = (lambda p: np.array(SLOPES[name](*p), dtype=float)), 1e-5
    all_of_them = []
    for at in MINIMA[name]:
        columns = [(g(at + h * e) - g(at - h * e)) / (2 * h) for e in np.eye(2)]
        all_of_them += list(np.linalg.eigvalsh(np.array(columns)))
    return min(all_of_them), max(all_of_them)


def race(state):
    """The four paths, (method, step, 2), and heavy ball's spectral radii."""
    eta, beta, name = state["eta"], state["beta"], state["landscape"]
    g = lambda p: np.array(SLOPES[name](*p), dtype=float)  # noqa: E731
    m = v = np.zeros(2)

    def nesterov(p, last, t):
        ahead = p + beta * (p - last)
        return ahead - eta * g(ahead)

    def adam(p, last, t):
        nonlocal m, v
        m, v = 0.9 * m + 0.1 * g(p), 0.999 * v + 0.001 * g(p) ** 2
        step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return p - RATES[name] * step

    methods = [
        lambda p, last, t: p - eta * g(p),
        lambda p, last, t: p - eta * g(p) + beta * (p - last),
        nesterov,
        adam,
    ]
    paths = []
    for method in methods:
        path = 2 * [np.array(state["start"], dtype=float)]  # twice: it starts at rest
        for t in range(1, state["steps"] + 1):
            following = method(path[-1], path[-2], t)
            if np.abs(following).max() > 1e6:
                break
            path.append(following)
        paths.append(path[1:] + [path[-1]] * (state["steps"] + 2 - len(path)))
    roots = [np.roots([1, -(1 + beta - eta * c), beta]) for c in curvatures(name)]
    return [np.array(paths), [np.abs(r).max() for r in roots]]


OPENING = {
    "landscape": "valley",
    "start": [-2.6, 1.2],
    "eta": 0.065,
    "beta": 0.7,
    "steps": 60,
}


@pytest.fixture
def racing(chromium, shown, tmp_path, monkeypatch):
    """The race on a page of its own; its bundle."""
    monkeypatch.setattr(module, "FOLDER", FOLDER)
    rng, states = random.Random(5), []
    for k in range(20):
        name = list(SLOPES)[k % 4]
        at = [rng.uniform(-2, 2), rng.uniform(-2, 2)]
        fast = 3 if k < 8 else 1  # some of the first diverge
        eta = rng.uniform(0.1, fast) / curvatures(name)[1]
        setting = {
            "eta": eta,
            "beta": rng.uniform(0, 0.95),
            "steps": rng.randint(5, 25),
        }
        states.append({"landscape": name, "start": at} | setting)
    live("race", OPENING, alt="a race", states=states, truth=race, still=figure())
    page = opened(chromium, tmp_path, shown[0]["text/html"], has_touch=True)
    page.wait_for_selector(".live[data-on]")
    yield page, shown[0]
    assert not page.complaints
    page.context.close()


def test_the_race_is_that_of_an_independent_python(racing):
    page, bundle = racing
    assert max(differences(page, bundle)) < 1e-6
    ends = [path[-1] for e in bundle[module.LIVE_MIME]["expected"] for path in e[0]]
    assert np.abs(ends).max() > 1e3, "one that diverges is among them"


def said(page):
    grips = page.locator(".grip")
    return [g.get_attribute("aria-valuetext") for g in grips.all()]


def drag(page, grip, by):
    box = grip.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0] / 2, y + by[1] / 2)
    page.mouse.move(x + by[0], y + by[1])
    page.mouse.up()


def test_the_race_is_driven_by_mouse_finger_and_keyboard(racing):
    page, _ = racing
    start, setting = page.locator(".grip").all()
    values, opening = page.locator(".race ul"), said(page)
    assert opening[0].startswith("start (−2.6, 1.2)") and "η = 0.065" in opening[1]
    heights = values.inner_text()
    drag(page, start, (40, 30))
    moved = said(page)
    assert moved[0] != opening[0] and moved[1] == opening[1]
    assert values.inner_text() != heights
    drag(page, setting, (60, 40))
    assert said(page)[0] == moved[0] and said(page)[1] != moved[1]
    for grip, which in ((start, 0), (setting, 1)):
        for key, back in (("ArrowRight", "ArrowLeft"), ("ArrowUp", "ArrowDown")):
            before = said(page)[which]
            grip.press(key)
            assert said(page)[which] != before, key
            grip.press(back)
            assert said(page)[which] == before
    kept = page.locator(":is(.grip, select, input)[data-lm-suppress-shortcuts]")
    assert kept.count() == 4, "JupyterLab would take the arrow keys"
    box = page.locator("[data-map=momentum] image").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    eta, beta, _ = map(float, re.findall(r"= ([\d.]+)", said(page)[1]))
    assert abs(eta - 1 / 20) < 2e-3 and abs(beta - 0.5) < 0.01, "a tap sets it there"
    page.select_option("select", "Himmelblau")
    assert "start (0, −1)" in said(page)[0] and f"β = {beta}:" in said(page)[1]


def test_the_race_plays_steps_and_stops(racing):
    page, _ = racing
    play, step = page.locator("button").all()
    dots = (
        "document.querySelector('.race .dots').getAttribute('d').split('M').length - 1"
    )
    assert page.evaluate(dots) == 61
    step.click()
    assert page.evaluate(dots) == 2
    step.click()
    assert page.evaluate(dots) == 3 and "2 steps" in said(page)[0]
    play.click()
    page.wait_for_function(dots + " > 5")
    play.click()
    stopped = page.evaluate(dots)
    assert "play" in play.inner_text() and stopped < 61
    page.locator(".race input").fill("10")
    assert page.evaluate(dots) == 11
    play.click()
    page.wait_for_function(
        dots
        + " === 11 && /play/.test("
        + "document.querySelector('button').textContent)"
    )


@pytest.mark.parametrize("width", [390, 1280])
def test_the_race_fits_the_page_and_has_names_for_everything(racing, width):
    from axe_playwright_python.sync_playwright import Axe

    page, _ = racing
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    left, right = [m.bounding_box() for m in page.locator("[data-map]").all()]
    assert (left["y"] == right["y"]) == (width == 1280), "side by side, or stacked"
    found = Axe().run(page, context=".live").response["violations"]
    assert not found, [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in found]


# --- the figures of the book ----------------------------------------------------------


def stored(path):
    """The live figures in a stored notebook, as mime bundles."""
    cells = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [out for cell in cells for out in cell.get("outputs", [])]
    datas = [out["data"] for out in outputs if module.LIVE_MIME in out.get("data", {})]
    return [data | {"text/html": "".join(data["text/html"])} for data in datas]


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda source: source.stem)
def test_live_figures_compute_what_the_chapter_computes(chromium, source, tmp_path):
    if not source.with_suffix(".ipynb").exists() or not (bundles := stored(source)):
        pytest.skip("no live figure")
    page = opened(chromium, tmp_path, "".join(b["text/html"] for b in bundles))
    for k, bundle in enumerate(bundles):
        page.locator(".live").nth(k).and_(page.locator("[data-on]")).wait_for()
        assert len(bundle[module.LIVE_MIME]["states"]) == module.STATES
        assert max(differences(page, bundle, k)) < 1e-6, bundle[module.LIVE_MIME][
            "name"
        ]
    assert not page.complaints
    page.context.close()


MODULES = sorted((NOTEBOOKS[0].parents[1] / "helpers" / "live").glob("*.js"))


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.stem)
def test_figures_wear_no_class_of_the_theme(file):
    """Its stylesheet would reach into the figure: `row` makes every child a line."""
    themes = ("pydata_sphinx_theme", "sphinx_book_theme")
    folders = [Path(find_spec(theme).origin).parent / "theme" for theme in themes]
    sheets = [sheet for folder in folders for sheet in folder.rglob("styles/*.css")]
    rules = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    selectors = re.sub(r"\{[^{}]*\}", "{}", rules)
    taken = set(re.findall(r"\.([a-z][\w-]*)", selectors))
    assert {"row", "card", "btn"} <= taken
    lists = re.findall(r'class="([^"]*)"', file.read_text(encoding="utf-8"))
    worn = set(re.findall(r"(?<![\w$.{-])[a-z][\w-]*", " ".join(lists)))
    assert not worn & taken
