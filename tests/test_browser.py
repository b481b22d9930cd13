"""The built pages in a real browser: each is opened once in each of its states.

A failure names the part and the page: ``SUBFAILED[sliders] … [book/index.html]``.
Nothing here depends on how fast the machine is: states are waited for.
"""

import contextlib
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from book import ROOT
from frames import wrong_frames
from visit import CHAPTERS, PAGES, Visit

LIVE = "application/vnd.book.live+json"
SLIDERS = ["book/index.html", *(page for page in CHAPTERS if "99_errata" not in page)]


def stored_outputs(name):
    """The mime bundles stored in a page's notebook, in order; none if there is none."""
    path = ROOT / name.replace(".html", ".ipynb")
    if not path.exists():
        return []
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return [output["data"] for output in outputs if "data" in output]


def last_section(built, name):
    """The anchor of a page's last section, or ""."""
    text = (built[0] / name).read_text(encoding="utf-8")
    article = text.partition("<article")[2].partition("</article>")[0]
    return ["", *re.findall(r'<section id="([^"]+)"', article)][-1]


# --- parts of a visit -----------------------------------------------------------------


def lands_where_the_link_says(visit, anchor):
    if anchor:
        top, ended = visit.page.evaluate(
            """id => {
              const top = document.getElementById(id).getBoundingClientRect().top;
              const { scrollHeight } = document.documentElement;
              return [top, scrollY + innerHeight > scrollHeight - 3];
            }""",
            anchor,
        )
        assert -20 < top < (900 if ended else 500), (
            f"#{anchor} is {top:.0f} pixels down"
        )


def light(visit):
    size, requests = visit.page.evaluate(
        """() => {
          const all = ['navigation', 'resource'].flatMap(
            kind => performance.getEntriesByType(kind));
          return [all.reduce((sum, entry) => sum + entry.transferSize, 0), all.length];
        }"""
    )
    assert 1_000 < size < 1_500_000, f"{size} bytes"
    assert requests < 60, f"{requests} requests"


def no_wider_than_the_screen(visit):
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.width
    hidden = visit.page.evaluate(
        """() => [...document.querySelectorAll('div.math')].filter(box => {
          const inside = box.querySelector('mjx-math');
          const left = e => e.getBoundingClientRect().left;
          return inside && inside.checkVisibility() && left(inside) < left(box) - 2;
        }).map(box => box.id || box.textContent.slice(0, 80))"""
    )
    assert not hidden, f"formulas whose beginning cannot be seen: {hidden}"


def keyboard_reaches_what_scrolls(visit):
    """A tab stop on each formula, table, listing wider than its box; on no other."""
    wrong = visit.page.evaluate(
        """() => {
          const kinds = ['.math', 'pre', '.output', '.pst-scrollable-table-container'];
          const boxes = [...document.querySelectorAll(`article :is(${kinds})`)];
          return boxes.filter(box => {
            const style = getComputedStyle(box), inline = box.matches('span.math');
            const inside = inline ? box.querySelector('mjx-math') : box;
            const { width } = inside.getBoundingClientRect();
            if (!width || style.display === 'inline') return false;
            const room = box.clientWidth - inline * parseFloat(style.paddingRight);
            const scrolls = ['auto', 'scroll'].includes(style.overflowX);
            return box.tabIndex === 0 ? (inline ? width : box.scrollWidth) < room + 1
              : scrolls && box.scrollWidth > box.clientWidth + (inline ? 3 : 1);
          }).map(box => box.tagName + ' ' + box.textContent.slice(0, 60));
        }"""
    )
    assert not wrong, f"{len(wrong)} boxes, such as {wrong[:3]}"


def sliders(visit, name):
    """Each shows the frames that it names; the first is moved by keyboard and mouse."""
    count = visit.page.locator(".explore").count()
    if name in CHAPTERS:
        stored = [
            data for data in stored_outputs(name) if 'class="explore"' in html_of(data)
        ]
        assert count == len(stored), (
            f"{count} sliders on the page, {len(stored)} in the notebook"
        )
    if name in SLIDERS:
        assert count
    if not count:
        return
    wrong = wrong_frames(visit.page)
    assert not wrong, f"{len(wrong)} frames, such as {wrong[:3]}"
    root = visit.page.locator(".explore").first
    root.scroll_into_view_if_needed()
    picture, control = root.locator("img"), root.locator("input").first
    box = picture.bounding_box()
    assert box["height"] > 100 and box["width"] > 200
    control.press("Home")
    first, before = control.get_attribute("aria-valuetext"), picture.screenshot()
    control.press("End")
    last = control.get_attribute("aria-valuetext")
    assert first != last and last in picture.get_attribute("alt")
    assert picture.screenshot() != before, "the picture does not change"
    knob = control.bounding_box()
    visit.page.mouse.click(knob["x"] + 3, knob["y"] + knob["height"] / 2)
    assert control.get_attribute("aria-valuetext") == first
    assert picture.screenshot() == before


def html_of(data):
    return "".join(data.get("text/html", ""))


def live_figures(visit, name):
    """Each figure of the chapter is there and moves. Its numbers: see test_live.py."""
    stored = [data for data in stored_outputs(name) if LIVE in data]
    figures = visit.page.locator(".live")
    expect(figures).to_have_count(len(stored))
    for figure in figures.all():
        live_moves(visit, figure)


def folds(visit):
    """All are folded, and a link to something in the last of them opens it."""
    page = visit.page
    if not page.locator("details.fold").count():
        return
    expect(page.locator("details.fold[open]")).to_have_count(0)
    anchors = "details.fold [id]"
    inside = page.eval_on_selector_all(anchors, "all => all.map(e => e.id)")
    if inside:
        page.evaluate("id => { location.hash = id; }", inside[-1])
        expect(page.locator(f'[id="{inside[-1]}"]')).to_be_in_viewport()
        expect(page.locator("details.fold[open]")).to_have_count(1)


def live_moves(visit, figure):
    """All handles have names and values; the first and last of each kind move by
    keyboard; of what one drags, the first of each kind by hand too."""
    figure.scroll_into_view_if_needed()
    handles = figure.locator("[role=slider], input[type=range]")
    assert handles.count(), "a live figure that nobody can move"
    names, values = handles.evaluate_all(NAMED), handles.evaluate_all(SAID)
    kinds = {}  # of a hundred points that can be dragged
    for handle, name, value in zip(handles.all(), names, values, strict=True):
        assert value and name, "a handle without a name or a value"
        kinds.setdefault(re.sub(r"\d+", "", name), []).append((name, handle))
    ends = [one for kind in kinds.values() for one in (*kind[:1], *kind[1:][-1:])]
    for name, handle in ends:
        value, _ = handle.evaluate(STATE)
        handle.focus()
        for key in ("ArrowRight", "ArrowLeft"):  # one of them may stand at its end
            handle.press(key)
            now, changed = handle.evaluate(STATE)
            if now != value:
                break
        assert now != value, f"{name} does not move by keyboard"
        assert changed, f"{name} moves, nothing else"
    for name, handle in [kind[0] for kind in kinds.values()]:
        if handle.get_attribute("role") != "slider":
            continue
        values = handles.evaluate_all(SAID)
        # It may lie in one of the places already, and the page may move under a finger.
        for dx, dy in [(25, -20), (-20, 25)] * 3:
            x, y = handle.evaluate(CENTRE)
            with dragged(visit, x, y, dx, dy):  # of two that overlap the upper one
                after = handles.evaluate_all(SAID)
            if after != values:
                break
        assert after != values, f"{name} cannot be dragged"


# The middle of what is scrolled to the middle (the page's header lies over what stands
# at the top), once it has stood still for three frames: whether a finger drags or
# scrolls is decided by where the things were in the last frame.
CENTRE = """async e => {
  const frame = () => new Promise(requestAnimationFrame);
  const middle = () => {
    e.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    const box = e.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  let at = middle();
  for (let still = 0; still < 3; ) {
    await frame();
    const now = middle();
    still = now[0] === at[0] && now[1] === at[1] ? still + 1 : 0;
    at = now;
  }
  return at;
}"""

# What a screen reader says of a handle's value, and whether the figure looks other than
# when this was asked last.
STATE = """e => {
  const figure = e.closest('.live');
  const canvases = [...figure.querySelectorAll('canvas')].map(c => c.toDataURL());
  const before = figure.looked;
  figure.looked = figure.innerHTML + canvases;
  return [
    e.ariaValueText ?? e.ariaValueNow ?? e.value,
    figure.looked !== before,
  ];
}"""

# What it says of all handles: their values, their names.
NAMED = (
    "all => all.map(e => e.ariaLabel ?? e.labels?.[0]?.textContent.trim() ?? e.title)"
)
SAID = "all => all.map(e => e.ariaValueText ?? e.ariaValueNow ?? e.value)"


@contextlib.contextmanager
def dragged(visit, x, y, dx, dy):
    """What stands at (x, y) is held at (x + dx, y + dy): by a finger on a phone."""
    page = visit.page
    if visit.width > 600:
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + dx, y + dy, steps=2)
        yield
        page.mouse.up()
        return
    finger = visit.context.new_cdp_session(page)

    def touch(kind, *points):
        event = {"type": f"touch{kind}", "touchPoints": points}
        finger.send("Input.dispatchTouchEvent", event)

    touch("Start", {"x": x, "y": y})
    touch("Move", {"x": x + dx / 2, "y": y + dy / 2})
    touch("Move", {"x": x + dx, "y": y + dy})
    yield
    touch("End")
    finger.detach()


def dark_figures(visit):
    """A drawing is dark on a dark page, and still has something to see in it."""
    for selector in (".explore img:not(.photo)", ".cell_output img:not(.photo)"):
        pictures = [p for p in visit.page.locator(selector).all()[:3] if p.is_visible()]
        for picture in pictures[-1:]:
            picture.scroll_into_view_if_needed()
            visit.page.wait_for_function(
                "img => img.complete && img.naturalWidth", arg=picture.element_handle()
            )
            image = Image.open(io.BytesIO(picture.screenshot())).convert("L")
            pixels = np.asarray(image).astype(float)
            assert pixels.mean() < 110, (
                "a bright figure on a dark page"
            )  # some heat maps are
            assert pixels.max() - pixels.min() > 120, "nothing to see in the dark"


def quiet(visit, site):
    assert not visit.foreign(site)
    assert not visit.complaints


def accessible(visit, colours_only=False):
    assert not (found := visit.violations(colours_only)), "\n".join(found)


# --- the visits -----------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_desktop_in_the_light(chromium, built, site, subtests, name):
    """1280 pixels wide, opened by a link to its last section; code as it is folded."""
    anchor = last_section(built, name)
    with Visit(chromium, f"{site}{name}#{anchor}") as visit:
        with subtests.test("lands where the link says"):
            lands_where_the_link_says(visit, anchor)
        with subtests.test("light"):
            light(visit)
        with subtests.test("no wider than the screen"):
            no_wider_than_the_screen(visit)
        with subtests.test("keyboard reaches what scrolls"):
            keyboard_reaches_what_scrolls(visit)
        with subtests.test("sliders"):
            sliders(visit, name)
        with subtests.test("live figures"):
            live_figures(visit, name)
        with subtests.test("folds"):
            folds(visit)
        with subtests.test("quiet"):
            quiet(visit, site)
        with subtests.test("accessible"):
            accessible(visit)


@pytest.mark.parametrize("name", PAGES)
def test_phone_in_the_dark(chromium, site, subtests, name):
    """390 pixels wide, touched, with all code open.

    Chapters are all made alike: names, roles and the like, which do not depend on
    colour, are asked here of the first one only, and of each on the desktop.
    """
    options = dict(width=390, theme="dark", storage={"book-code": "open"})
    with Visit(chromium, site + name, **options) as visit:
        with subtests.test("no wider than the screen"):
            no_wider_than_the_screen(visit)
        with subtests.test("keyboard reaches what scrolls"):
            keyboard_reaches_what_scrolls(visit)
        with subtests.test("dark figures"):
            dark_figures(visit)
        with subtests.test("live figures"):
            for figure in visit.page.locator(".live").all():
                live_moves(visit, figure)
        with subtests.test("quiet"):
            quiet(visit, site)
        with subtests.test("accessible"):
            accessible(visit, colours_only=name in CHAPTERS[1:])


@pytest.mark.parametrize("name", SLIDERS)
def test_usable_without_script(chromium, site, name):
    with Visit(chromium, site + name, script=False) as visit:
        page = visit.page
        assert page.locator("article p").count() > 5
        assert page.locator("article mjx-container").first.bounding_box()["width"] > 3
        first = page.locator(".explore img").first
        assert first.bounding_box()["height"] > 100 and first.get_attribute("alt")
        assert page.locator(".explore input").first.is_disabled()
        for still in page.locator(".live img").all():
            assert still.bounding_box()["height"] > 100 and still.get_attribute("alt")
        expect(page.locator(".fold-switch")).to_have_count(0)
        for fold in page.locator("details.fold").all()[:1]:
            fold.locator("summary").press("Enter")
            expect(fold.locator(":scope > :not(summary)").first).to_be_visible()


AXE_FINDS = """<!doctype html><html lang="en"><title>t</title><body>
<main><h1>t</h1><p style="color: #333">words</p><p style="color: #333">words</p>
<p style="color: #bbb; background: #fff">words</p><img src="data:,">
<div class="highlight"><pre><span>if</span> <span>x</span> <span>if</span></pre></div>
<div class="highlight" style="background: #444"><pre><span>if</span></pre></div>
<p>many words around <a href="#a">a link</a>, before <a href="#b">another</a>, behind a
<a href="#c" style="text-decoration: none; color: #333">third</a></p>
<div style="overflow: auto; width: 50px"><p style="width: 300px">words words words words
</p></div></main>"""


def test_axe_sees_what_is_wrong(chromium):
    """What is left out to save time hides no fault."""
    with Visit(chromium, "about:blank") as visit:
        visit.page.set_content(AXE_FINDS)
        found = visit.violations()
    kinds = sorted(line.split(",")[0] for line in found)
    wanted = ["color-contrast"] * 2
    wanted += ["image-alt", "link-in-text-block", "scrollable-region-focusable"]
    assert kinds == wanted, found


def test_search_finds_a_concept(chromium, site):
    with Visit(chromium, site + "search.html?q=momentum") as visit:
        results = visit.page.locator("ul.search")
        expect(results.get_by_role("link").first).to_be_visible()
        expect(results).to_contain_text("Gradient descent")
        quiet(visit, site)
