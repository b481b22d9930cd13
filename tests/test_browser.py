"""The built pages and JupyterLab in a real browser."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import ROOT, SOURCES

CHAPTERS = [f"notebooks/{source.stem}.html" for source in SOURCES]
PAGES = ["book/index.html", "book/how_to_use.html", "book/notation.html", "book/concepts.html", "book/claims.html",
         "book/headlines.html", "book/corrections.html", "book/benchmarks.html", "book/references.html", *CHAPTERS]


class Visit:
    """A page with everything it asked for and complained about."""

    def __init__(self, browser, address, *, width=1280, theme="light", script=True):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=script)
        if script:
            self.context.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
        self.page = self.context.new_page()
        self.asked, self.complaints, self.bytes = [], [], 0
        self.page.on("request", lambda r: self.asked.append(r.url))
        self.page.on("response", lambda r: r.status >= 400 and self.complaints.append(f"{r.status} {r.url}"))
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.goto(address, wait_until="load")

    def foreign(self, home):
        return [u for u in self.asked if not u.startswith((home, "data:", "blob:", "about:"))]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_no_other_host_no_error_no_sideways_scroll(chromium, site, name):
    for width, theme in ((1280, "light"), (390, "dark")):
        with Visit(chromium, site + name, width=width, theme=theme) as visit:
            visit.page.wait_for_timeout(200)
            assert not visit.foreign(site)
            assert not visit.complaints, visit.complaints
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_accessible(chromium, site, name, theme):
    with Visit(chromium, site + name, theme=theme) as visit:
        # Left out to save minutes: markup hidden from screen readers beside its MathML, and all
        # blocks of code but the first, which are alike.
        visit.page.evaluate("[...document.querySelectorAll('.highlight')].slice(1).forEach(e => e.classList.add('alike'))")
        outline = {"exclude": [["mjx-math"], [".alike"]]}
        found = Axe().run(visit.page, context=outline).response["violations"]
        assert not found, json.dumps([(v["id"], v["help"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found], indent=1)


def test_pages_are_light(chromium, site):
    for name in CHAPTERS:
        context = chromium.new_context()
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        sizes = []
        session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        page.goto(site + name, wait_until="networkidle")
        assert sum(sizes) < 1_500_000, f"{name}: {sum(sizes)} bytes"
        assert len(sizes) < 60, f"{name}: {len(sizes)} requests"
        context.close()


@pytest.mark.parametrize("name", ["book/index.html", *CHAPTERS])
def test_every_slider_moves_by_keyboard_and_by_mouse(chromium, site, name):
    with Visit(chromium, site + name) as visit:
        count = visit.page.locator(".explore").count()
        assert count
        for k in range(count):
            root = visit.page.locator(".explore").nth(k)
            root.scroll_into_view_if_needed()
            picture, control = root.locator("img"), root.locator("input").first
            box = picture.bounding_box()
            assert box["height"] > 100 and box["width"] > 200
            control.focus()
            values, shots, alts = [], [], []
            for key in ("Home", "End"):
                control.press(key)
                values.append(control.get_attribute("aria-valuetext"))
                alts.append(picture.get_attribute("alt"))
                shots.append(picture.screenshot())
            assert values[0] != values[1] and alts[0] != alts[1], f"slider {k}: {values}"
            assert shots[0] != shots[1], f"slider {k}: the picture does not change"
            knob = control.bounding_box()
            visit.page.mouse.click(knob["x"] + 3, knob["y"] + knob["height"] / 2)
            assert control.get_attribute("aria-valuetext") == values[0]
            assert picture.screenshot() == shots[0]
        assert not visit.complaints


def test_a_slider_step_takes_less_than_a_frame(chromium, site):
    with Visit(chromium, site + CHAPTERS[0]) as visit:
        worst = visit.page.evaluate(
            """() => Math.max(...[...document.querySelectorAll('.explore input')].map(input => {
                const start = performance.now();
                input.value = +input.value + 1; input.dispatchEvent(new Event('input')); input.getBoundingClientRect();
                return performance.now() - start;
            }))"""
        )
        assert worst < 16, f"{worst:.1f} ms"


@pytest.mark.parametrize("name", ["book/index.html", *CHAPTERS])
def test_usable_without_script(chromium, site, name):
    with Visit(chromium, site + name, script=False) as visit:
        page = visit.page
        assert page.locator("article p").count() > 5
        assert page.locator("article mjx-container").first.bounding_box()["width"] > 3
        first = page.locator(".explore img").first
        assert first.bounding_box()["height"] > 100 and first.get_attribute("alt")
        assert page.locator(".explore input").first.is_disabled()


def brightness(png):
    import io

    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(float)


def test_figures_are_dark_in_the_dark(chromium, site):
    for name in CHAPTERS:
        with Visit(chromium, site + name, theme="dark") as visit:
            for selector in (".explore img", ".cell_output img"):
                picture = visit.page.locator(selector).nth(1)
                picture.scroll_into_view_if_needed()
                visit.page.wait_for_timeout(300)
                pixels = brightness(picture.screenshot())
                assert pixels.mean() < 90, f"{name}: a bright figure on a dark page"
                assert pixels.max() - pixels.min() > 120, f"{name}: nothing to see in the dark"


def test_search_finds_a_concept(chromium, site):
    with Visit(chromium, site + "search.html?q=momentum") as visit:
        visit.page.wait_for_selector("ul.search li", timeout=10_000)
        assert "Gradient descent" in visit.page.locator("ul.search").inner_text()
        assert not visit.foreign(site)


in_lab = pytest.mark.xdist_group("lab")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on a chapter and on a small notebook whose slider leaves a trace of each call."""
    import jupytext
    import nbformat

    folder = tmp_path_factory.mktemp("lab")
    chapter = json.loads(SOURCES[0].with_suffix(".ipynb").read_text())
    (folder / "chapter.ipynb").write_text(json.dumps(chapter))
    small = jupytext.reads(
        "# %%\nfrom helpers import explore, verify\nimport matplotlib.pyplot as plt\n"
        "def draw(a):\n    open('calls.txt', 'a').write(f'{a} ')\n    fig, ax = plt.subplots(); ax.plot([0, a]); return fig\n"
        "# %%\nexplore(draw, alt='a line', a=[1, 2, 3])\nverify('one', 1, 1)\n", "py:percent")
    small.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(small, folder / "small.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1",
         "--IdentityProvider.token=", "--ServerApp.password=", "--allow-root", f"--ServerApp.root_dir={folder}",
         "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
         "--LabApp.extension_manager=readonly", "--ServerApp.disable_check_xsrf=True"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(folder / "s"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "w")},
    )
    address = f"http://127.0.0.1:{port}/"
    for _ in range(120):
        try:
            urllib.request.urlopen(address + "api", timeout=2)
            break
        except OSError:
            time.sleep(0.5)
    yield folder, address
    server.terminate()
    server.wait(20)


@in_lab
def test_jupyterlab_slider_calls_draw_anew(chromium, lab):
    folder, address = lab
    with Visit(chromium, address + "lab/tree/small.ipynb?reset") as visit:
        page = visit.page
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
        page.wait_for_timeout(2500)
        page.click("text=Run >> nth=0")
        page.click("text=Run All Cells >> nth=0")
        page.wait_for_selector(".jupyter-widgets .ui-slider, .jupyter-widgets .noUi-handle", timeout=90_000)
        picture = page.locator(".jupyter-widgets img").first
        picture.wait_for(timeout=30_000)
        before, first = (folder / "calls.txt").read_text().split(), picture.get_attribute("src")
        handle = page.locator(".jupyter-widgets .noUi-handle").first
        handle.focus()
        handle.press("ArrowRight")
        page.wait_for_function("old => document.querySelector('.jupyter-widgets img').src != old", arg=first, timeout=20_000)
        after = (folder / "calls.txt").read_text().split()
        assert after[: len(before)] == before and after[len(before):] == ["2"]
        assert page.locator(".claim").count() == 1
        assert not visit.foreign(address)


@in_lab
def test_jupyterlab_shows_a_stored_chapter(chromium, lab):
    _, address = lab
    with Visit(chromium, address + "lab/tree/chapter.ipynb?reset") as visit:
        page = visit.page
        page.wait_for_selector(".jp-Notebook .jp-MarkdownCell h1", timeout=90_000)
        page.wait_for_timeout(3000)
        text = page.locator(".jp-Notebook").inner_text()
        assert ":::{" not in text, "MyST is not rendered"
        assert not re.search("Error displaying widget", text)
        assert page.locator(".claim").count() > 3
        assert not visit.foreign(address)
