"""Execute the chapters whose source or helpers changed; store the product beside them.

Run as ``python tools/notebooks.py [--all | --check] [name ...]``. The .py file is the
source; the .ipynb is made from it here and nowhere else. Running an unchanged chapter
changes no byte in git: no widget is stored, and what a `measured` line has shown stays
until its cell changes.
"""

import argparse
import ast
import base64
import concurrent.futures
import functools
import hashlib
import io
import json
import math
import os
import pathlib
import re
import sys
import time
from collections.abc import Iterable

from book import NOTEBOOKS, ROOT, environment

# Jupyter is imported where a notebook is made: `make book` only checks, and should not
# wait for it.

MEASURED = "application/vnd.book.measured+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
FOLDED = {"set-up", "picture", "checks"}  # kinds of cell whose code a reader may skip
ADDRESS = re.compile(r'^REPOSITORY = ".*?"', re.M)  # stamped by tools/address.py
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
TIMEOUT = 1800  # seconds for one cell, on a machine that may be busy with other things


# --- what a product was made from -----------------------------------------------------


def fingerprint(source: pathlib.Path, root: pathlib.Path = ROOT) -> dict[str, str]:
    """Two hashes: of the chapter, and of what every chapter stands on.

    The first leaves out the address, the second (the helpers with their text, and the
    requirements) the comments and docstrings.
    """
    text = source.read_text(encoding="utf-8")
    used = [script.read_text(encoding="utf-8") for script in _scripts(text, root)]
    return {"source": _hash([ADDRESS.sub("", text), *used]), "ground": _ground(root)}


def is_current(source: pathlib.Path, root: pathlib.Path = ROOT) -> bool:
    """Whether the product is there, whole, and made from what is there now."""
    product = _stored(source)
    return product["metadata"].get("book") == fingerprint(source, root)


@functools.cache
def _ground(root):
    trees = [
        repr(_tree(ast.parse(path.read_text(encoding="utf-8"))))
        for path in sorted((root / "helpers").rglob("*.py"))
    ]
    read = [*sorted((root / "helpers").glob("*.txt")), root / "requirements.txt"]
    return _hash([*trees, *(path.read_text(encoding="utf-8") for path in read)])


def _scripts(text, root):
    """The modules of the live figures that a chapter shows."""
    scripts = sorted((root / "helpers" / "live").glob("*.js"))
    shown = r"""\blive\(\s*["']{}["']"""
    return [path for path in scripts if re.search(shown.format(path.stem), text)]


def _tree(node):
    """A syntax tree as lists, without docstrings; the same in every Python."""
    if isinstance(node, list):
        return [_tree(item) for item in node]
    if not isinstance(node, ast.AST):
        return node
    fields = dict(ast.iter_fields(node))
    if (
        isinstance(node, DOCUMENTED)
        and ast.get_docstring(node, clean=False) is not None
    ):
        fields["body"] = fields["body"][1:]
    kept = [(name, value) for name, value in fields.items() if value not in (None, [])]
    return [type(node).__name__, *([name, _tree(value)] for name, value in kept)]


def _hash(texts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _stored(source):
    """The product as it is stored; an empty notebook when it is missing or cut off."""
    try:
        return json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"cells": [], "metadata": {}}


# --- making it ------------------------------------------------------------------------


def fresh(source: pathlib.Path):
    """The notebook (nbformat) of a source: folded for JupyterLab and Colab, not run.

    A cell's id follows from its text, so that a new cell changes no other.
    """
    import jupytext

    notebook = jupytext.read(source)
    seen = {}
    for cell in notebook.cells:
        name = _hash([cell.cell_type, ADDRESS.sub("", cell.source)])[:8]
        seen[name] = seen.get(name, 0) + 1
        cell["id"] = name if seen[name] == 1 else f"{name}-{seen[name]}"
        if cell.cell_type == "code" and FOLDED & set(cell.metadata.get("tags", [])):
            cell.metadata["jupyter"] = {"source_hidden": True}
            cell.metadata["cellView"] = "form"
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    notebook.metadata.setdefault("jupytext", {})["formats"] = "ipynb,py:percent"
    return notebook


def execute(source: pathlib.Path, root: pathlib.Path = ROOT) -> None:
    """Run a chapter from top to bottom and store it; raises what a cell raises."""
    import nbformat
    from nbclient import NotebookClient

    made_from = fingerprint(source, root)
    notebook, stored = fresh(source), _stored(source)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        startup_timeout=600,
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(source.parent)}},
    )
    client.execute(env=environment())
    for cell in notebook.cells:
        for data in bundles(cell):
            data.pop(WIDGET, None)
            if png := data.get("image/png"):
                data["image/png"] = _smaller(png)
    if stored["metadata"].get("book", {}).get("ground") == made_from["ground"]:
        _keep_measured(notebook, stored)
    notebook.metadata.pop("language_info", None)
    notebook.metadata["book"] = made_from
    _write(source.with_suffix(".ipynb"), nbformat.writes(notebook).rstrip("\n") + "\n")


def bundles(cell: dict) -> list[dict]:
    """What a cell displays, in order, each as a dictionary from MIME type to data."""
    return [output["data"] for output in cell.get("outputs", []) if "data" in output]


def _keep_measured(notebook, stored):
    """Times differ from run to run; those of unchanged cells stay as stored."""
    before = {cell.get("id"): _measured(cell) for cell in stored["cells"]}
    for cell in notebook.cells:
        now, then = _measured(cell), before.get(cell.id, [])
        if [data[MEASURED]["what"] for data in now] == [
            data[MEASURED]["what"] for data in then
        ]:
            for data, old in zip(now, then, strict=True):
                data.update(old)


def _measured(cell):
    return [data for data in bundles(cell) if MEASURED in data]


def _smaller(png):
    """A drawing in 64 flat colours, or 256 where these would change one that is seen.

    A quarter of the bytes. Photographs stay.
    """
    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    paper = Image.new("RGBA", image.size, "white")
    image = Image.alpha_composite(paper, image).convert("RGB")
    found = image.getcolors(20_000)
    if found is None:
        return png
    seen = [colour for _, colour in sorted(found)[-48:]]
    for colours in (64, 256):
        flat = image.quantize(colours, dither=Image.Dither.NONE)
        shown = flat.convert("RGB").get_flattened_data()
        became = dict(zip(image.get_flattened_data(), shown, strict=True))
        if all(math.dist(colour, became[colour]) < 12 for colour in seen):
            break
    out = io.BytesIO()
    flat.save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def _write(path, text):
    """All or nothing: a reader never meets half a file."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _attempt(source):
    """(whether it went well, what to say) of executing a chapter."""
    start = time.perf_counter()
    try:
        execute(source)
    except Exception as error:  # a cell may raise anything
        return False, f"failed\n{error}"
    return True, f"executed in {time.perf_counter() - start:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", help="parts of chapter names; none means all"
    )
    parser.add_argument(
        "--all", action="store_true", help="also those that have not changed"
    )
    parser.add_argument(
        "--check", action="store_true", help="only name those that changed"
    )
    options = parser.parse_args()
    sources = [
        source
        for source in NOTEBOOKS
        if not options.names or any(name in source.stem for name in options.names)
    ]
    if not sources:
        sys.exit(
            f"names is {options.names}, expected parts of {[s.stem for s in NOTEBOOKS]}"
        )
    changed = [source for source in sources if options.all or not is_current(source)]
    if options.check:
        if changed:
            sys.exit(
                "The stored outputs are not those of the source, run `make notebooks`: "
                + ", ".join(source.stem for source in changed)
            )
        return
    failed = False
    with concurrent.futures.ProcessPoolExecutor(2) as processes:
        results = processes.map(_attempt, changed)
        for number, source in enumerate(sources, 1):
            print(f"[{number}/{len(sources)}] {source.stem}: ", end="", flush=True)
            well, said = next(results) if source in changed else (True, "unchanged")
            failed |= not well
            print(said, flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
