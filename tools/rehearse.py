"""Play every road on which a reader runs the book: ``make rehearse``.

colab   the versions that Colab has, its package ``google.colab``, the notebooks of the
        branch ``launch``; their first cell fetches the helpers by git
binder  ``.binder`` in a new environment; JupyterLab from it, a slider moved and the
        live figure dragged in a browser
own     what pip brings a reader today, JupyterLab without the MyST extension: boxes and
        formulas can be read

Each road has its own environment and runs every chapter in it, as they are committed.
``python tools/rehearse.py [ROAD ...] [--chapters 05 ...] [--folder DIR]``; ends with
exit code 1 when one failed. What is in DIR/ROAD/.venv already is not installed again.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib

import address
import browser
import labserver
from book import environment

URL = "https://github.com/rehearsal/book"  # of nobody: git is told where it stands
COLAB = {  # what Colab had in November 2026, as far as the chapters ask for it
    "ipykernel": "6.17.1",
    "ipython": "7.34.0",
    "ipywidgets": "7.7.1",
    "matplotlib": "3.10.0",
    "networkx": "3.5",
    "numpy": "2.0.2",
    "pandas": "2.2.2",
    "scikit-learn": "1.6.1",
    "scipy": "1.16.3",
    "sympy": "1.13.3",
    "torch": "2.9.0",
    "traitlets": "5.7.1",
}
ALSO = ["aiohttp", "fsspec", "jinja2", "psutil", "pyparsing", "requests", "tqdm"]
GOOGLE = {  # what the real one does at a kernel's start
    "sitecustomize.py": "import google.colab\n",
    "google/__init__.py": "",
    "google/colab/__init__.py": "from google.colab import output\n",
    "google/colab/output.py": "def enable_custom_widget_manager(): pass\n",
}
EXECUTE = "from nbclient.cli import main; main()"
CHAPTER = "05_gradient_descent"  # with sliders and a live figure, opened in a browser


def python_of(folder: pathlib.Path) -> str:
    """The interpreter of the environment in ``folder``, made when there is none."""
    python = folder / ".venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
        pip(python, "pip>=25.1")  # knows dependency groups
    return str(python)


def pip(python: str | pathlib.Path, *words: str) -> None:
    """``pip install`` into the environment of ``python``."""
    command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*command, *words], check=True)


def colab(folder: pathlib.Path, _: pathlib.Path) -> str:
    """An environment as Colab's, without the book."""
    python = python_of(folder)
    pip(python, *(f"{name}=={version}" for name, version in COLAB.items()), *ALSO)
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    said = subprocess.run([python, "-c", script], capture_output=True, text=True)
    for name, text in GOOGLE.items():
        path = pathlib.Path(said.stdout.strip(), name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return python


def binder(folder: pathlib.Path, branch: pathlib.Path) -> str:
    """An environment as Binder makes it, by pip where Binder takes conda."""
    python = python_of(folder)
    wanted = (branch / ".binder/environment.yml").read_text(encoding="utf-8")
    torch = re.search(r"pytorch-cpu=([\d.]+)", wanted)[1]
    pip(python, f"torch=={torch}")
    found = f"{pathlib.Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", branch / ".binder/postBuild"]
    env = os.environ | {"PATH": found}
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
    return python


def own(folder: pathlib.Path, branch: pathlib.Path) -> str:
    """The newest of what the chapters ask for, and no MyST extension."""
    python = python_of(folder)
    asked = tomllib.loads((branch / "pyproject.toml").read_text(encoding="utf-8"))
    names = asked["dependency-groups"]["chapters"]
    pip(python, *(name for name in names if name != "jupyterlab_myst"), str(branch))
    return python


ROADS = {"colab": colab, "binder": binder, "own": own}


def launched(folder: pathlib.Path) -> dict[str, str]:
    """Write the branch into ``folder``; the variables with which git finds it there."""
    address.launch(URL, folder)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "launched"]):
        subprocess.run([*git, *words], check=True)
    key = f"url.{folder.as_uri()}.insteadOf"
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": URL}


def run(
    python: str,
    products: list[pathlib.Path],
    folder: pathlib.Path,
    env: dict[str, str],
    workers: int,
) -> dict[str, str]:
    """Execute each notebook with a kernel of ``python``: {stem: error, or ""}."""
    spec = folder / "share" / "kernels" / "road" / "kernel.json"
    spec.parent.mkdir(parents=True, exist_ok=True)
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {"argv": argv, "display_name": "road", "language": "python"}
    spec.write_text(json.dumps(kernel), encoding="utf-8")
    env = environment() | env | {"JUPYTER_PATH": str(folder / "share")}

    def one(product):
        command = [sys.executable, "-c", EXECUTE, "--kernel_name=road"]
        ran = subprocess.run(
            [*command, "--timeout=-1", "--startup_timeout=600", product.name],
            cwd=product.parent,
            env=env,
            capture_output=True,
            text=True,
        )
        plain = re.sub(r"\x1b\[[\d;]*m", "", ran.stderr).strip()
        return "" if ran.returncode == 0 else plain[-1500:]

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        said = pool.map(one, products)
        return dict(zip((product.stem for product in products), said, strict=True))


def opened(python: str, branch: pathlib.Path, folder: pathlib.Path, look) -> str:
    """``look`` at the chapter in JupyterLab of ``python``; what it finds wrong."""
    from playwright.sync_api import sync_playwright

    path = browser.find()
    if not path:
        return "no browser found: `make browser` installs one"
    folder.mkdir(exist_ok=True)
    with (
        labserver.lab(branch, folder, python=python) as (home, token),
        sync_playwright() as playwright,
    ):
        chromium = browser.launch(playwright, path)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(browser.PATIENCE)
        page.goto(f"{home}lab/tree/notebooks/{CHAPTER}.ipynb?token={token}&reset")
        page.locator(".jp-Notebook .jp-MarkdownCell h1").first.wait_for()
        try:
            return look(page)
        except Exception as error:  # whatever the page does not show in time
            return f"{type(error).__name__}: {str(error)[:600]}"
        finally:
            page.screenshot(path=folder / "page.png")
            chromium.close()


def dragged(page) -> str:
    """Run all; a slider must draw anew, the live figure follow the mouse."""
    from playwright.sync_api import expect

    page.evaluate(labserver.RUN_ALL)  # ends when the last cell has run
    picture = page.locator(".jupyter-widgets img").first
    first = picture.get_attribute("src")
    handle = page.locator(".jupyter-widgets .noUi-handle").first
    handle.focus()
    handle.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", first)
    grip = page.locator(".jp-OutputArea .live [role=slider], .race [role=slider]").first
    grip.scroll_into_view_if_needed()
    said, box = grip.get_attribute("aria-valuetext"), grip.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 40, middle[1] + 20, steps=5)
    page.mouse.up()
    followed = grip.get_attribute("aria-valuetext") != said
    return "" if followed else "the live figure does not follow the mouse"


def readable(page) -> str:
    """Without MyST: no box as code, formulas typeset, each box's words on the page."""
    page.locator("mjx-container").first.wait_for()
    as_code = page.locator(".jp-RenderedMarkdown pre:has-text(':::')").count()
    boxes = page.locator(".jp-RenderedMarkdown p:has-text(':::{')").count()
    raw = page.locator(".jp-RenderedMarkdown p:has-text('$$')").count()
    wrong = {"boxes shown as code": as_code, "formulas not typeset": raw}
    if not boxes:
        return "no box is on the page"
    return "; ".join(f"{count} {what}" for what, count in wrong.items() if count)


LOOKS = {"binder": dragged, "own": readable}


def play(name: str, folder: pathlib.Path, chapters: list[str] | None) -> dict[str, str]:
    """One road, with its environment in ``folder``: {what was tried: error, or ""}."""
    branch = folder / "launch"
    shutil.rmtree(branch, ignore_errors=True)
    env = launched(branch)
    try:
        python = ROADS[name](folder, branch)
    except subprocess.CalledProcessError as error:
        return {"the environment": str(error)}
    products = sorted((branch / "notebooks").glob("*.ipynb"))
    products = [p for p in products if not chapters or p.stem[:2] in chapters]
    # In Colab each notebook has a machine of its own; here they install in turn.
    said = run(python, products, folder, env, workers=1 if name == "colab" else 2)
    if look := LOOKS.get(name):
        said["in JupyterLab"] = opened(python, branch, folder / "lab", look)
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("roads", nargs="*", help="colab, binder, own; default: all")
    parser.add_argument("--chapters", nargs="*", help="numbers, like 05; default: all")
    parser.add_argument("--folder", type=pathlib.Path, help="keep environments here")
    options = parser.parse_args()
    if unknown := set(options.roads) - set(ROADS):
        parser.error(f"road is {unknown.pop()!r}, expected one of {', '.join(ROADS)}")
    failed = 0
    with tempfile.TemporaryDirectory() as made:
        for name in options.roads or ROADS:
            start = time.monotonic()
            said = play(
                name,
                (options.folder or pathlib.Path(made)).resolve() / name,
                options.chapters,
            )
            wrong = {what: error for what, error in said.items() if error}
            failed += len(wrong)
            minutes = (time.monotonic() - start) / 60
            print(f"{name}: {len(said) - len(wrong)} of {len(said)}, {minutes:.0f} min")
            for what, error in wrong.items():
                print(f"  {what}: {error}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
