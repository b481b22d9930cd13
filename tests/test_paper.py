"""The book on paper and without network: one PDF, one zip."""

import base64
import io
import os
import re
import zipfile

import matplotlib.pyplot as plt
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from playwright.sync_api import expect

import helpers.sliders as sliders
import offline
import paper
from visit import Visit

SITE = "https://some-owner.github.io/some-book/"
CONFIG = 'title: Small\nauthor: somebody\ncopyright: "2026"\n'
TOC = """root: book/index
parts:
  - caption: Chapters
    chapters:
      - file: notebooks/01_one
      - file: book/concepts
"""
INDEX = """<section id="small"><h1>Small</h1>
<p><a href="../notebooks/01_one.html#idea">idea</a> <a href="#small">here</a>
<a href="../_sources/notebooks/01_one.ipynb">file</a> <a href="https://a.b/c">out</a>
<a href="../notebooks/01_one.html">one</a> <img src="../_images/a.png" alt="a"></p>
</section>"""
CHAPTER = """<section id="one">
<span id="one-chapter"></span><h1><span class="section-number">1 </span>One &amp; all\
<a class="headerlink" href="#one">#</a></h1>
<section id="idea"><h2>Idea</h2><p><a href="#claim-01-1">claim</a></p>
<p class="proof" id="proof-content">x</p>
SLIDER
<div class="live" data-live="race"><img src="data:x" alt="a"></div>
<script type="module">const el = document.querySelector(".live");</script>
<details class="fold checks"><summary>1 check</summary><div id="claim-01-1">9 = 9</div>
<pre>verify()</pre></details>
<details><summary>Solution</summary><p>because</p></details>
<details><summary>Why</summary><p>therefore</p></details>
</section></section>"""
CONCEPTS = """<section id="concepts"><h1>Concepts</h1><ul>
<li><p><a href="../notebooks/01_one.html#idea">Idea</a> · 1 One</p></li>
</ul></section>"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A book of three pages: its root and the folder it is built in."""
    bundles = []
    monkeypatch.setattr(sliders, "display", lambda bundle, raw: bundles.append(bundle))

    def draw(red, blue):
        fig = plt.figure(figsize=(2, 1))
        fig.patch.set_facecolor((red / 4, 0, blue))
        return fig

    sliders.explore(draw, alt="a colour", red=[0, 1, 2, 3, 4], blue=[0, 1])
    slider = bundles[0]["text/html"].replace("<img ", '<img loading="lazy" ')
    built = tmp_path / "_build" / "html"
    (tmp_path / "_config.yml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "_toc.yml").write_text(TOC, encoding="utf-8")
    for name, body in (
        ("book/index", INDEX),
        ("notebooks/01_one", CHAPTER.replace("SLIDER", slider)),
        ("book/concepts", CONCEPTS),
    ):
        path = built / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f'<html><link href="../_static/house.css?v=1"><body>out\
<article class="bd-article">{body}</article>out</body></html>'
        path.write_text(text, encoding="utf-8")
    (built / "index.html").write_text("<p>", encoding="utf-8")
    return tmp_path, built


@pytest.fixture
def joined(small):
    root, built = small
    return BeautifulSoup(paper.join(built, SITE, root), "html.parser")


# --- the document ---------------------------------------------------------------------


def test_links_between_pages_lead_inside(joined):
    links = {a.get_text(): a.get("href") for a in joined.select("article a")}
    assert links["idea"] == "#01_one.idea" and links["one"] == "#01_one"
    assert links["here"] == "#index.small" and links["claim"] == "#01_one.claim-01-1"
    assert links["file"] is None and links["out"] == "https://a.b/c"
    ids = [tag["id"] for tag in joined.find_all(id=True)]
    assert len(ids) == len(set(ids))
    inside = [a["href"][1:] for a in joined.select('a[href^="#"]')]
    assert inside and set(inside) <= set(ids)
    assert joined.select_one('img[alt="a"]')["src"] == "html/_images/a.png"
    assert joined.select_one("link")["href"] == "html/_static/house.css"
    assert not joined.select("script, .headerlink, [loading]")


def test_contents_list_chapters_and_sections_with_a_place_for_the_page(joined):
    lines = [(p["class"][0], p.get_text()) for p in joined.select(".toc p")]
    assert lines == [
        ("chapter", "Small000"),
        ("part", "Chapters"),
        ("chapter", "1 One & all000"),
        ("section", "Idea000"),
        ("section", "Solutions000"),
        ("chapter", "Concepts000"),
    ]
    assert joined.select_one("li").get_text() == "Idea 000"
    with pytest.raises(ValueError, match=r"\['index'.* on no page"):
        paper.numbered(str(joined), {"01_one": 3})


def test_a_slider_is_three_pictures_and_says_where_it_moves(joined):
    figures = joined.select(".frames figure")
    said = [figure.get_text() for figure in figures]
    assert said == ["red = 0, blue = 0", "red = 2, blue = 0", "red = 4, blue = 1"]
    for figure, colour in zip(
        figures, [(0, 0, 0), (128, 0, 0), (255, 0, 255)], strict=True
    ):
        coded = figure.img["src"].partition("base64,")[2]
        image = Image.open(io.BytesIO(base64.b64decode(coded)))
        assert image.convert("RGB").getpixel((9, 9)) == pytest.approx(colour, abs=1)
    for note in joined.select("p.moves"):  # under slider and live figure
        assert note.a["href"] == f"{SITE}notebooks/01_one.html#idea"
    assert len(joined.select("p.moves")) == 2


def test_without_an_address_the_page_is_named(small):
    root, built = small
    note = BeautifulSoup(paper.join(built, "", root), "html.parser").select_one(
        ".moves"
    )
    assert note.get_text() == "It moves at notebooks/01_one.html#idea" and not note.a


def test_checks_are_a_line_and_solutions_stand_last(joined):
    checks, *others = joined.select("article details")
    assert checks.get_text() == "1 check" and not checks.has_attr("open")
    assert checks.find(id="01_one.claim-01-1"), "its claims can be linked to"
    assert [other.has_attr("open") for other in others] == [True]
    last = joined.find(id="01_one.solutions")
    assert "because" in last.get_text() and not last.find_next_sibling()
    there = joined.find("p", class_="solution")
    assert there.a["href"][1:] == last.find(class_="solution")["id"]


def test_a_formula_is_read_aloud_once(small):
    root, built = small
    path = built / "book" / "index.html"
    formula = (
        '<mjx-container class="MathJax"><mjx-math aria-hidden="true"><mjx-c></mjx-c>'
        "</mjx-math><mjx-assistive-mml><math><mi>a</mi><mo>&lt;</mo><mi>b</mi></math>"
        "</mjx-assistive-mml></mjx-container>"
    )
    text = path.read_text(encoding="utf-8").replace("<p>", f"<p>{formula}{formula}")
    path.write_text(text, encoding="utf-8")
    page = BeautifulSoup(paper.join(built, "", root), "html.parser")
    assert not page.select("math")
    spoken = [tag["aria-label"] for tag in page.find_all("mjx-container")]
    assert spoken == ["a < b", "a < b"]


def test_every_link_of_the_whole_book_leads_to_what_is_printed(built):
    folder, status, log = built
    assert status == 0, log[-4000:]
    text = paper.join(folder, SITE)
    links = set(re.findall(r' href="#([^"]+)"', text))
    missing = links - set(re.findall(r' id="([^"]+)"', text))
    assert links and not missing, missing
    assert not re.findall(r'<a [^>]*href="(?!#|https://)[^"]*"', text)
    for picture in set(re.findall(r' src="(?!data:)([^"]+)"', text)):
        assert (folder.parent / picture).exists(), picture
    assert "<script" not in text and "<mjx-assistive-mml" not in text
    assert text.count('class="explore"') == 0 < text.count('class="frames"')


# --- the print ------------------------------------------------------------------------


def test_contents_name_the_pages_on_which_chapters_begin(chromium, small):
    root, built = small
    document, pdf = built.parent / "paper.html", root / "small.pdf"
    text = paper.join(built, SITE, root).replace(
        "</head>", "<style>.cover, nav, article { break-after: page }</style></head>"
    )
    document.write_text(text, encoding="utf-8")
    paper.print_pdf(chromium, document, pdf)
    printed = pdf.read_bytes()
    page = paper.destinations(printed)
    # cover, contents, then one page each
    assert (page["index"], page["01_one"], page["concepts"]) == (3, 4, 5)
    assert page["01_one.idea"] == 4 and page["01_one.claim-01-1"] == 4
    shown = BeautifulSoup(document.read_text(encoding="utf-8"), "html.parser")
    numbers = [span.get_text() for span in shown.select(".page")]
    assert numbers == ["3", "4", "4", "4", "5", "4"]
    assert b"/Outlines" in printed and b"/StructTreeRoot" in printed


def test_what_is_wider_than_the_paper_is_made_smaller(chromium, tmp_path):
    wide = '<div class="math" style="overflow: auto"><div style="width: 900px">x</div>'
    document = tmp_path / "paper.html"
    document.write_text(f"<body style='margin:0'>{wide}</div>", encoding="utf-8")
    page = chromium.new_page(viewport={"width": paper.WIDTH, "height": 500})
    page.goto(document.as_uri())
    page.evaluate(paper.FIT)
    zoom = page.evaluate("+document.querySelector('.math').style.zoom")
    assert zoom == pytest.approx(paper.WIDTH / 900, abs=1e-3)
    page.close()


# --- the zip --------------------------------------------------------------------------


def test_the_zip_is_one_folder_and_the_same_twice(small):
    root, built = small
    (built / ".buildinfo").write_text("x", encoding="utf-8")
    (built / "deep-learning-run.zip").write_text("x", encoding="utf-8")
    packed = [root / "a.zip", root / "b.zip"]
    offline.pack(built, packed[0])
    os.utime(built / "index.html", (1e9, 1e9))
    offline.pack(built, packed[1])
    assert packed[0].read_bytes() == packed[1].read_bytes()
    with zipfile.ZipFile(packed[0]) as opened:
        names = opened.namelist()
    assert names == sorted(names) and "deep-learning-run/index.html" in names
    assert all(name.startswith("deep-learning-run/") for name in names)
    assert len(names) == 4, "neither the zip itself nor what only a build needs"
    (built / "index.html").unlink()
    with pytest.raises(FileNotFoundError, match=r"no index\.html"):
        offline.pack(built, root / "c.zip")


@pytest.fixture(scope="module")
def unpacked(built, tmp_path_factory):
    """The folder that the zip of the built book holds."""
    folder, status, log = built
    assert status == 0, log[-4000:]
    here = tmp_path_factory.mktemp("offline")
    offline.pack(folder, here / "book.zip")
    with zipfile.ZipFile(here / "book.zip") as packed:
        packed.extractall(here)
    return here / "deep-learning-run"


def test_the_zip_holds_no_absolute_address(unpacked):
    pages = sorted(unpacked.rglob("*.html"))
    assert unpacked / "index.html" in pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        found = re.search(r'<[^>]* (?:src|href)="(?:/|file:)[^"]*"', text)
        assert not found, f"{page.name}: {found[0]}"


def test_a_double_click_opens_a_book_that_moves_and_is_searched(chromium, unpacked):
    home = unpacked.as_uri()
    with Visit(chromium, f"{home}/index.html") as visit:
        page = visit.page
        page.wait_for_url("**/book/index.html")
        slider = page.locator(".explore[data-on] input").first
        before = slider.get_attribute("aria-valuetext")
        slider.press("ArrowRight")
        expect(slider).not_to_have_attribute("aria-valuetext", before)
        page.goto(f"{home}/notebooks/05_gradient_descent.html")
        handle = page.locator(".live[data-on] [role=slider]").first
        now = "e => e.ariaValueText ?? e.ariaValueNow"
        before = handle.evaluate(now)
        handle.press("ArrowLeft")
        assert handle.evaluate(now) != before
        page.goto(f"{home}/search.html?q=momentum")
        results = page.locator("ul.search")
        expect(results).to_contain_text("Gradient descent")
        expect(page.locator("#search-results")).to_contain_text("found")
        assert not visit.foreign("file://") and not visit.complaints
