"""The chapters in JupyterLab as `make lab` opens it: folded, live, silent outwards."""

import shutil

import nbformat
import pytest
from playwright.sync_api import expect

import labserver
import notebooks
from book import CHAPTERS, ROOT
from browser import PATIENCE
from visit import Visit

SMALL = '''# %% [markdown]
# # A small chapter
#
# It began with one {cite:p}`armijo1966`; {cite:t}`arora2018` go on.
#
# :::{prf:theorem} The first
# It holds.
# :::

# %% tags=["set-up"]
from helpers import explore, live, verify
import matplotlib.pyplot as plt

# %%
def draw(a):
    with open("calls.txt", "a") as calls:
        calls.write(f"{a} ")
    fig, ax = plt.subplots()
    ax.plot([0, a])
    return fig

# %% tags=["picture"]
explore(draw, alt="a line", a=[1, 2, 3])

# %% tags=["checks"]
verify("one and one is two", 1 + 1, 2)

# %%
now = {"landscape": "valley", "start": [-2, 1], "eta": 0.05, "beta": 0.6, "steps": 60}
live("race", now, alt="a race", states=[now] * 20, truth=lambda now: 0, still=draw(1))
'''


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on a chapter and a small notebook: (folder, address, token)."""
    folder = tmp_path_factory.mktemp("lab")
    inside = folder / "notebooks"
    inside.mkdir()
    (inside / "small.py").write_text(SMALL, encoding="utf-8")
    nbformat.write(notebooks.fresh(inside / "small.py"), inside / "small.ipynb")
    shutil.copy(CHAPTERS[0].with_suffix(".ipynb"), inside / "chapter.ipynb")
    config = f"--config={ROOT / 'tools/lab/jupyter_lab_config.py'}"
    with labserver.lab(inside, folder, config) as (address, token):
        yield inside, address, token


def notebook(chromium, lab, name):
    """A visit to a notebook that is open and has a kernel."""
    _, address, token = lab
    visit = Visit(chromium, f"{address}lab/tree/{name}?token={token}&reset")
    expect(visit.page.locator(".jp-Notebook .jp-MarkdownCell h1").first).to_be_visible()
    return visit


def test_a_notebook_runs_and_its_figures_are_live(chromium, lab):
    folder, address, _ = lab
    with notebook(chromium, lab, "small.ipynb") as visit:
        page = visit.page
        page.evaluate(labserver.RUN_ALL)
        last = page.locator(".jp-CodeCell .jp-InputPrompt").last
        expect(last).to_have_text("[5]:", timeout=5 * PATIENCE)  # a kernel starts
        expect(page.locator(".claim")).to_have_count(1)

        # the slider draws anew, what it is moved to and nothing else
        picture = page.locator(".jupyter-widgets img").first
        picture.wait_for()
        before, first = calls(folder), picture.get_attribute("src")
        handle = page.locator(".jupyter-widgets .noUi-handle").first
        handle.focus()
        handle.press("ArrowRight")
        expect(picture).not_to_have_attribute("src", first)
        after = calls(folder)
        assert after[: len(before)] == before and after[len(before) :] == ["2"]

        # the live figure computes
        grip = page.locator(".jp-OutputArea .race [role=slider]").first
        expect(grip).to_be_visible()
        said = grip.get_attribute("aria-valuetext")
        grip.press("ArrowRight")
        expect(grip).not_to_have_attribute("aria-valuetext", said)
        assert not visit.foreign(address)


def calls(folder):
    return (folder / "calls.txt").read_text(encoding="utf-8").split()


def test_cells_are_folded_and_only_notebooks_are_listed(chromium, lab):
    with notebook(chromium, lab, "small.ipynb") as visit:
        page = visit.page
        cells = page.locator(".jp-CodeCell")
        expect(cells).to_have_count(5)
        hidden = page.locator(".jp-CodeCell:has(.jp-InputPlaceholder, .jp-Placeholder)")
        expect(hidden).to_have_count(3)
        listed = page.locator(".jp-DirListing-itemText")
        expect(listed.filter(has_text="small.ipynb")).to_have_count(1)
        expect(listed.filter(has_text=".py")).to_have_count(0)


def test_citations_are_names(chromium, lab):
    with notebook(chromium, lab, "small.ipynb") as visit:
        text = visit.page.locator(".jp-MarkdownCell .myst").first
        expect(text).to_contain_text("Armijo, 1966")
        expect(text).to_contain_text("Arora et al. (2018)")
        expect(text).not_to_contain_text("armijo1966")
        expect(text.locator("svg:visible")).to_have_count(0)  # a warning sign


def test_a_stored_chapter_is_shown(chromium, lab):
    _, address, _ = lab
    with notebook(chromium, lab, "chapter.ipynb") as visit:
        page = visit.page
        expect(page.locator(".claim").nth(3)).to_be_attached()
        shown = page.locator(".jp-MarkdownCell .myst")
        expect(shown.nth(9)).to_be_attached()
        expect(shown.filter(has_text=":::{")).to_have_count(0)  # MyST is rendered
        failed = page.get_by_text("Error displaying widget")
        expect(failed).to_have_count(0)
        assert not visit.foreign(address)
