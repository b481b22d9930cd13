"""The built pages in a real browser."""

import io

import numpy as np
import pytest
from PIL import Image
from visit import CHAPTERS, PAGES, Visit


CUT_OFF = """() => [...document.querySelectorAll('div.math')].filter(box => {
  const inside = box.querySelector('mjx-math');
  return inside && inside.getBoundingClientRect().left < box.getBoundingClientRect().left - 2;
}).map(box => box.id || box.textContent.slice(0, 80))"""


@pytest.mark.parametrize("name", PAGES)
def test_no_other_host_no_error_no_sideways_scroll(chromium, site, name):
    for width, theme in ((1280, "light"), (390, "dark")):
        with Visit(chromium, site + name, width=width, theme=theme) as visit:
            visit.page.wait_for_timeout(200)
            assert not visit.foreign(site)
            assert not visit.complaints, visit.complaints
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
            assert not visit.page.evaluate(CUT_OFF), "formulas whose beginning cannot be seen"


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
    return np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(float)


def test_figures_are_dark_in_the_dark(chromium, site):
    for name in CHAPTERS:
        with Visit(chromium, site + name, theme="dark") as visit:
            for selector in (".explore img:not(.photo)", ".cell_output img:not(.photo)"):
                picture = visit.page.locator(selector).nth(1)
                picture.scroll_into_view_if_needed()
                visit.page.wait_for_timeout(300)
                pixels = brightness(picture.screenshot())
                assert pixels.mean() < 110, f"{name}: a bright figure on a dark page"  # heat maps have mid-tones
                assert pixels.max() - pixels.min() > 120, f"{name}: nothing to see in the dark"


def test_a_link_into_a_chapter_lands_where_it_says(chromium, site):
    for name in CHAPTERS:
        with Visit(chromium, site + name) as visit:
            visit.page.wait_for_timeout(500)
            anchor = visit.page.evaluate("[...document.querySelectorAll('article section[id]')].at(-1).id")
        with Visit(chromium, f"{site}{name}#{anchor}") as visit:
            visit.page.wait_for_timeout(2500)
            top = visit.page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", anchor)
            assert -20 < top < 500, f"{name}#{anchor} landed {top:.0f} pixels away"


def test_search_finds_a_concept(chromium, site):
    with Visit(chromium, site + "search.html?q=momentum") as visit:
        visit.page.wait_for_selector("ul.search li", timeout=10_000)
        assert "Gradient descent" in visit.page.locator("ul.search").inner_text()
        assert not visit.foreign(site)
