"""Execute the chapters whose source or helpers changed, and store the product beside them.

Run as ``python tools/notebooks.py [--all] [name ...]``. The .py file is the source; the .ipynb is
made from it here and nowhere else, so that running an unchanged chapter changes no byte in git.
"""

import argparse
import base64
import hashlib
import io
import json
import os
import pathlib
import re
import sys
import time

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "notebooks"


def fingerprint(source):
    """Changes exactly when the chapter or a helper does."""
    digest = hashlib.sha256()
    for path in [source, *sorted((ROOT / "helpers").glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def fresh(source):
    """The notebook that a source file describes: no outputs, ids that do not change by chance."""
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:03d}"
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3", "language": "python", "name": "python3",
    }
    notebook.metadata.setdefault("jupytext", {})["formats"] = "ipynb,py:percent"
    return notebook


def is_current(source):
    product = source.with_suffix(".ipynb")
    if not product.exists():
        return False
    stored = json.loads(product.read_text())["metadata"].get("book", {})
    return stored.get("source") == fingerprint(source)


def execute(source):
    """Run a chapter from top to bottom on one core; raises what a cell raises."""
    notebook = fresh(source)
    os.environ.update(BOOK_QUIET="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    NotebookClient(notebook, timeout=600, record_timing=False, store_widget_state=True,
                   resources={"metadata": {"path": str(source.parent)}}).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if png := output.get("data", {}).get("image/png"):
                output["data"]["image/png"] = _smaller(png)
    notebook.metadata.pop("language_info", None)
    notebook.metadata["book"] = {"source": fingerprint(source)}
    text = _steady_ids(nbformat.writes(notebook))
    source.with_suffix(".ipynb").write_text(text + ("" if text.endswith("\n") else "\n"))


def _smaller(png):
    """A drawing in 64 flat colours: a quarter of the bytes. Photographs stay as they are."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    if len(image.getcolors(1 << 20) or range(1 << 20)) > 20_000:
        return png
    out = io.BytesIO()
    image.quantize(64, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def _steady_ids(text):
    """Widgets name themselves at random; number them in the order of their appearance."""
    state = json.loads(text)["metadata"].get("widgets", {})
    for name in next(iter(state.values()), {}).get("state", {}):
        number = hashlib.sha256(str(text.index(name)).encode()).hexdigest()[:32]
        text = re.sub(name, number, text)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="parts of chapter names; none means every chapter")
    parser.add_argument("--all", action="store_true", help="also those that have not changed")
    options = parser.parse_args()
    sources = [s for s in sorted(CHAPTERS.glob("[0-9][0-9]_*.py"))
               if not options.names or any(name in s.stem for name in options.names)]
    if not sources:
        sys.exit(f"no chapter in {CHAPTERS} matches {options.names}")
    for number, source in enumerate(sources, 1):
        print(f"[{number}/{len(sources)}] {source.stem}: ", end="", flush=True)
        if is_current(source) and not options.all:
            print("unchanged")
            continue
        start = time.perf_counter()
        try:
            execute(source)
        except Exception as error:
            sys.exit(f"failed\n{error}")
        print(f"executed in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
