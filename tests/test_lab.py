"""The chapters in JupyterLab: rendered, live, and silent towards the outside."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from book import CHAPTERS as SOURCES
from visit import Visit


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
