"""The book's Sphinx extensions: their plain functions, and a small build."""

import base64
import io
import json
import re
import subprocess
import sys

import pytest
import yaml
from bs4 import BeautifulSoup
from PIL import Image

from book import CHAPTERS, ROOT

EXTENSIONS = ROOT / "book" / "_ext"
sys.path.insert(0, str(EXTENSIONS))

import chapters  # noqa: E402
import folds  # noqa: E402
import harvest  # noqa: E402
import landing  # noqa: E402
import mathjax_at_build  # noqa: E402


def text(source):
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source, *outputs, tags=()):
    data = [{"output_type": "display_data", "data": bundle} for bundle in outputs]
    metadata = {"tags": list(tags)}
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": source,
        "outputs": data,
    }


def claim(words, **more):
    data = {"claim": words, "measured": "1", "expected": "2", "tolerance": "± 1"}
    line = f'<div class="claim"><span class="what">{words}</span> measured 1</div>'
    return {chapters.CLAIM: data, "text/html": line} | more


# --- what the notebooks hold -------------------------------------------------


def test_title_is_a_heading_and_no_comment():
    notebook = {
        "cells": [code("# Colab only: nothing"), text("(x)=\n# Two words \n\n## No")]
    }
    assert chapters.title_of(notebook) == "Two words"
    assert chapters.title_of({"cells": []}) == "Untitled"


def test_targets_and_which_of_them_are_concepts():
    notebook = {
        "cells": [
            text("(a-chapter)=\n# A\n\n(t-sne)=\n## T\n in (line)= text"),
            code("(b)="),
        ]
    }
    assert chapters.targets_of(notebook) == ["a-chapter", "t-sne"]
    assert [
        chapters.is_concept(t)
        for t in ("a-chapter", "t-sne", "headline-x", "a-practice")
    ] == [False, True, False, False]


def test_claims_are_numbered_and_know_the_target_above():
    cells = [
        text("(one)=\nx\n\n(two)=\ny"),
        code("", claim("a"), {"text/plain": "no"}, claim("b")),
    ]
    cells += [text("z"), code("", claim("c", **{chapters.HEADLINE: {"name": "h"}}))]
    found = chapters.claims_of({"cells": cells})
    assert [(c.number, c.target, c.data["claim"]) for c in found] == [
        (1, "two", "a"),
        (2, "two", "b"),
        (3, "two", "c"),
    ]
    assert [c.headline for c in found] == [None, None, {"name": "h"}]


def webp(*colours):
    strip = Image.new("RGB", (40, 20 * len(colours)))
    for k, colour in enumerate(colours):
        strip.paste(colour, (0, 20 * k, 40, 20 * k + 20))
    out = io.BytesIO()
    strip.save(out, "WEBP", lossless=True)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()


def test_a_frame_is_cut_from_the_strip():
    first, strip = webp("red"), webp("red", "lime")
    slider = f'<div class="explore"><img src="{first}" alt="a &lt; b">{strip}'
    notebook = {"cells": [code("", {"text/html": slider})]}
    assert chapters.slider_of(notebook, "a < b") == slider
    assert chapters.slider_of(notebook, "other") == ""
    assert chapters.frame_of(slider).getpixel((5, 5)) == (255, 0, 0)
    assert chapters.frame_of(slider, 1).getpixel((5, 5)) == (0, 255, 0)
    assert chapters.frame_of(slider, 1).size == (40, 20)
    with pytest.raises(ValueError, match="frame is 2, expected less than 2"):
        chapters.frame_of(slider, 2)
    with pytest.raises(ValueError, match="no such slider"):
        chapters.frame_of("")


def test_minutes_count_the_main_line_and_the_open_code_only():
    words = "word " * chapters.WORDS_A_MINUTE * 10
    lines = "x = 1\n" * chapters.LINES_A_MINUTE * 5
    cells = [
        text(words),
        code(lines),
        code(lines, tags=["checks"]),
        code(lines, tags=["picture"]),
    ]
    solution = f"<details><summary>Solution</summary>\n{words}</details>"
    shelf = [text("(s)=\n## The shelf\n"), text(words)]
    assert chapters.minutes_to_read({"cells": [*cells, text(solution), *shelf]}) == 15
    assert chapters.minutes_to_read({"cells": [text(words)]}) == 10
    assert chapters.minutes_to_read({"cells": []}) == 5


SAID = "**The notes say** one is two.\n\n$$\n1=2\n$$ (eq-x)"
ERRATUM = f"{SAID}\n\n**Right is** that it is not."


def test_errata_are_read_with_the_claims_that_show_them():
    first = f"# Errata\n\n## 2. Numbers\n\n### One\n\n{ERRATUM}"
    cells = [
        text(first),
        code("", claim("a"), claim("b")),
        text(f"### Two\n\n{ERRATUM}"),
    ]
    one, two = chapters.errata_of({"cells": [*cells, code("", claim("c"))]})
    assert (one.chapter, one.title, one.right) == (
        "2. Numbers",
        "One",
        "that it is not.",
    )
    assert one.said == "one is two.\n\n$$\n1=2\n$$"  # a label stands once in the book
    assert [c.number for c in one.claims] == [1, 2] and [
        c.number for c in two.claims
    ] == [3]
    assert two.chapter == "2. Numbers"
    with pytest.raises(ValueError, match="erratum 'Three'"):
        chapters.errata_of({"cells": [text("### Three\n\n**The notes** say nothing")]})


def test_chapters_come_in_the_order_of_the_contents_and_the_appendix_last(tmp_path):
    (tmp_path / "notebooks").mkdir()
    for name in ("99_errata", "05_b", "02_a", "03_left_out"):
        notebook = json.dumps({"cells": [text(f"# {name}")]})
        (tmp_path / f"notebooks/{name}.ipynb").write_text(notebook, encoding="utf-8")
    toc = "".join(
        f"      - file: notebooks/{n}\n"
        for n in ("99_errata", "05_b", "02_a", "07_new")
    )
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")
    found = chapters.chapters(tmp_path)
    assert [(c.number, c.label) for c in found] == [
        (5, "5 05_b"),
        (2, "2 02_a"),
        (0, "99_errata"),
    ]


# --- folds -------------------------------------------------------------------


def test_the_line_of_a_checks_cell():
    one, many = folds.checks_summary(["a &lt; b"]), folds.checks_summary(["a", "b <i>"])
    assert re.sub("<.*?>", "", one) == "1 check ✓ a &lt; b"
    assert re.sub("<.*?>", "", many) == "2 checks ✓ a · b &lt;i&gt;"
    long = folds.checks_summary(["word " * 100])
    assert len(long) < 2 * folds.LONGEST and "word …</span>" in long


def test_claims_have_names_by_chapter():
    assert folds.claim_id("notebooks/05_gradient_descent", 12) == "claim-05-12"


# --- pages -------------------------------------------------------------------


def test_every_concept_has_a_name_and_every_name_a_concept():
    names = harvest.concept_names(
        (ROOT / "book/concepts.yml").read_text(encoding="utf-8")
    )
    taught = {
        target
        for source in CHAPTERS
        for target in chapters.TARGET.findall(source.read_text(encoding="utf-8"))
        if chapters.is_concept(target)
    }
    assert not (missing := sorted(taught - names.keys())), (
        f"no name in book/concepts.yml: {missing}"
    )
    assert not (rest := sorted(names.keys() - taught)), f"not taught: {rest}"
    named = [name for name in names.values() if name]
    assert len(set(named)) == len(named), "two concepts of one name"


def test_text_stays_text_in_a_table():
    assert harvest.plain("a|b *c* &lt; $x$\n<i>") == r"a\|b \*c\* \&lt; \$x\$ \<i\>"


def test_values_of_a_claim():
    data = {"measured": "1 < 2", "expected": "2", "tolerance": ""}
    assert harvest.values(data) == "measured 1 &lt; 2 · expected 2"
    assert harvest.values(data | {"tolerance": "± 1"}).endswith("expected 2 · ± 1")


def test_mutation_scores_and_chapters_without_one():
    score = {"mutants": 40, "noticed": 37, "survivors": ["a → b"]}
    assert harvest.mutation_row(score) == ("40 | 37 | 92 % ", ["a → b"])
    assert harvest.mutation_row(None)[0].startswith("not yet measured")


# --- the landing page --------------------------------------------------------


def told():
    return yaml.safe_load((ROOT / "book/chapters.yml").read_text(encoding="utf-8"))


def test_every_chapter_is_told_of():
    assert list(told()["chapters"]) == [source.stem for source in CHAPTERS]


def test_paths_come_after_what_they_build_on():
    for key, path in told()["paths"].items():
        for place, name in enumerate(path["chapters"]):
            before = set(path["chapters"][:place])
            needed = set(told()["chapters"][name]["builds_on"])
            assert needed <= before, f"{key}: {name} comes before {needed - before}"


def test_columns_lead_from_left_to_right():
    layers = landing.columns({"d": ["b", "c"], "a": [], "b": ["a"], "c": ["b"]})
    assert layers == [["a"], ["b"], ["c"], ["d"]]
    crossed = landing.columns({"a": [], "b": [], "c": ["b"], "d": ["a"]})
    assert crossed == [["a", "b"], ["d", "c"]]
    at = landing.places([["a"], ["b", "c"]])
    assert (
        at["a"][0] < at["b"][0] == at["c"][0] and at["b"][1] < at["a"][1] < at["c"][1]
    )
    with pytest.raises(ValueError, match="circle"):
        landing.columns({"a": ["b"], "b": ["a"]})


def test_a_line_is_drawn_only_where_no_longer_way_leads():
    near = landing.nearest({"d": ["a", "b", "c"], "a": [], "b": ["a"], "c": ["a"]})
    assert near == {"d": ["b", "c"], "a": [], "b": ["a"], "c": ["a"]}


# --- formulas ----------------------------------------------------------------


def test_mathjax_is_the_one_that_was_tried(monkeypatch):
    monkeypatch.setattr(mathjax_at_build, "MATHJAX", "0.0")
    mathjax_at_build.close_engine()
    with pytest.raises(RuntimeError, match="expected 0\\.0"):
        mathjax_at_build.typeset("x", False)


def test_pages_are_written_in_parallel_and_the_build_ends(tmp_path):
    """V8 survives no fork: a formula that is typeset in a worker never comes back."""
    conf = f"""import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions, html_math_renderer = ["mathjax_at_build"], "built"
def ends(app, exception):
    import mathjax_at_build
    engines = mathjax_at_build._engine.cache_info().currsize
    open(app.outdir + "/engines", "w").write(str(engines))
def setup(app):
    app.connect("build-finished", ends, priority=999)
"""
    (tmp_path / "conf.py").write_text(conf, encoding="utf-8")
    contents = "Top\n===\n\n.. toctree::\n\n" + "".join(f"   p{k}\n" for k in range(12))
    (tmp_path / "index.rst").write_text(contents, encoding="utf-8")
    for k in range(12):
        page = f"A :math:`x_{k}`\n{'=' * 20}\n\n:math:`a_{k}`\n\n.. math:: b_{k}\n"
        (tmp_path / f"p{k}.rst").write_text(page, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-j",
        "2",
        "-q",
        "-b",
        "html",
        ".",
        "out",
    ]
    subprocess.run(
        command, cwd=tmp_path, check=True, timeout=600
    )  # else it waits for ever
    for k in range(12):
        page = (tmp_path / f"out/p{k}.html").read_text(encoding="utf-8")
        assert page.count("<mjx-container") >= 3
    assert (tmp_path / "out/engines").read_text() == "0"


# --- pages made from chapters -------------------------------------------------


def test_a_page_follows_its_chapter_and_may_hold_a_drawing(tmp_path):
    """The slider of a chapter that was run again is the new one; SVG stops no build."""
    conf = f"""import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions, nb_execution_mode = ["myst_nb", "folds", "harvest", "pages"], "off"
myst_enable_extensions, root_doc = ["colon_fence"], "page"
exclude_patterns = ["notebooks", "out"]
"""
    (tmp_path / "conf.py").write_text(conf, encoding="utf-8")
    toc = "parts:\n  - chapters:\n      - file: notebooks/05_b\n"
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    (tmp_path / "a.svg").write_text(drawing, encoding="utf-8")
    page = "# Page\n\n![a drawing](a.svg)\n\n:::{slider} notebooks/05_b\na bowl\n:::\n"
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    for run in ("first", "second"):
        slider = f'<div class="explore">a bowl of the {run} run</div>'
        notebook = json.dumps({"cells": [code("", {"text/html": slider})]})
        (tmp_path / "notebooks/05_b.ipynb").write_text(notebook, encoding="utf-8")
        command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", ".", "out"]
        subprocess.run(command, cwd=tmp_path, check=True)
        built = (tmp_path / "out/page.html").read_text(encoding="utf-8")
        assert f"a bowl of the {run} run" in built and "a.svg" in built


# --- folds on a page ---------------------------------------------------------


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """The page of a small chapter with a cell of each kind."""
    root = tmp_path_factory.mktemp("folded")
    figure = {"text/html": '<img src="data:image/png;base64,AAAA" alt="a picture">'}
    cells = [
        text("# A chapter\n\nWords."),
        code("import math", tags=["set-up"]),
        code("idea = 1"),
        code("draw()", figure, tags=["picture"]),
        code("verify()", claim("first"), claim("second"), tags=["checks"]),
        code("headline()", claim("best")),
        code("answer = ...", tags=["yours"]),
        text("End. " * 2000),
    ]
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 1
            for output in cell["outputs"]:
                output["metadata"] = {}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    meta = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": meta, "nbformat": 4, "nbformat_minor": 4}
    (root / "07_small.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    conf = f"""import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions, nb_execution_mode, root_doc = ["myst_nb", "folds"], "off", "07_small"
nb_mime_priority_overrides = [["html", "text/html", 1]]
suppress_warnings = ["mystnb.unknown_mime_type"]
html_theme = "sphinx_book_theme"
html_static_path = [{str(ROOT / "book" / "_static")!r}]
html_css_files = ["house.css"]
"""
    (root / "conf.py").write_text(conf, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", ".", "out"]
    subprocess.run(command, cwd=root, check=True)
    return root / "out" / "07_small.html"


def test_cells_are_folded_by_their_tags(folded):
    page = BeautifulSoup(folded.read_text(encoding="utf-8"), "html.parser")
    setup, picture, checks = page.select("details.fold")
    assert not any(fold.has_attr("open") for fold in (setup, picture, checks))
    lines = [
        " ".join(fold.summary.get_text().split()) for fold in (setup, picture, checks)
    ]
    assert lines == ["Set-up", "The picture", "2 checks ✓ first · second"]
    assert "import" in setup.get_text() and "draw" in picture.get_text()
    assert not picture.find("img") and picture.parent.find(
        "img"
    )  # what was drawn stands open
    assert [tag["id"] for tag in checks.select(".claim")] == [
        "claim-07-1",
        "claim-07-2",
    ]
    order = [part["class"][0] for part in checks.find_all("div", recursive=False)]
    assert order == ["cell_output", "cell_input"]
    assert not page.find(id="claim-07-3").find_parent(
        "details"
    )  # a headline line is never folded
    for words in ("idea", "answer"):
        assert not page.find("span", string=words).find_parent("details")


def is_open(page):
    return page.eval_on_selector_all(
        "details.fold", "folds => folds.map(fold => fold.open)"
    )


def test_the_switch_opens_folds_is_remembered_and_works_by_keyboard(folded, chromium):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(folded.as_uri())
    assert is_open(page) == [False] * 3
    folding, opening = page.locator(".fold-switch button").all()
    assert folding.get_attribute("aria-pressed") == "true"
    opening.focus()
    page.keyboard.press("Enter")
    assert (
        is_open(page) == [True] * 3 and opening.get_attribute("aria-pressed") == "true"
    )
    page.reload()
    assert is_open(page) == [True] * 3
    page.emulate_media(media="print")  # on paper all is folded
    for part in page.locator("details.fold > div").all():
        assert not part.is_visible()
    page.emulate_media(media="screen")
    page.locator(".fold-switch button").first.focus()
    page.keyboard.press("Space")
    assert is_open(page) == [False] * 3
    page.reload()
    assert is_open(page) == [False] * 3
    context.close()


def test_a_link_into_a_fold_opens_it(folded, chromium):
    context = chromium.new_context(viewport={"width": 800, "height": 500})
    page = context.new_page()
    page.goto(folded.as_uri() + "#claim-07-2")
    assert is_open(page) == [False, False, True]
    assert page.locator("#claim-07-2").bounding_box()["y"] < 500
    page.goto(folded.as_uri() + "#nowhere-%E0")  # a link to nothing does no harm
    page.reload()
    assert is_open(page) == [False] * 3
    # Chromium opens folds by itself; browsers that do not hear only of the address
    page.evaluate("history.replaceState(0, '', '#claim-07-1')")
    page.evaluate("dispatchEvent(new HashChangeEvent('hashchange'))")
    assert is_open(page) == [False, False, True]
    context.close()


def test_folds_open_without_script(folded, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(folded.as_uri())
    assert page.locator(".fold-switch").count() == 0
    assert not page.locator("#claim-07-1").is_visible()
    page.locator("details.checks > summary").press("Enter")
    assert page.locator("#claim-07-1").is_visible()
    context.close()


def test_the_line_of_a_fold_is_one_line_on_a_phone(folded, chromium):
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(folded.as_uri())
    words = page.locator("details.checks .words")
    words.evaluate("e => { e.textContent = 'word '.repeat(100) }")
    one = page.locator("details.set-up > summary").bounding_box()["height"]
    assert page.locator("details.checks > summary").bounding_box()["height"] <= one + 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
