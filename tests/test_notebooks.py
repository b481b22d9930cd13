"""The chapters: paired, executed in order, readable everywhere, offline, and right when answered."""

import json
import os
import re
import subprocess
import sys
import types

import jupytext
import nbformat
import notebooks as tool
import pytest
from conftest import SOURCES
from nbclient import NotebookClient

BUDGET = 40  # seconds of one core
NO_NETWORK = """
import socket
def _local_only(connect):
    def guarded(self, address):
        if isinstance(address, tuple) and not str(address[0]).startswith(("127.", "localhost", "::1")):
            raise OSError(f"the book fetches nothing, but {address} was asked for")
        return connect(self, address)
    return guarded
socket.socket.connect = _local_only(socket.socket.connect)
socket.socket.connect_ex = _local_only(socket.socket.connect_ex)
"""
chapter = pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.stem)


def product(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@chapter
def test_pair_is_equal(source):
    ours, theirs = tool.fresh(source), product(source)
    assert [(c.cell_type, c.source) for c in ours.cells] == [(c.cell_type, c.source) for c in theirs.cells]
    for a, b in zip(ours.cells, theirs.cells):
        assert a.metadata.get("tags") == b.metadata.get("tags") and a.metadata.get("mystnb") == b.metadata.get("mystnb")


@chapter
def test_stored_outputs_are_those_of_this_source_and_these_helpers(source):
    assert tool.is_current(source), "run `make notebooks` and commit the result"


@chapter
def test_executed_in_order_without_error(source):
    cells = [cell for cell in code_cells(product(source)) if cell.source.strip()]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", f"a warning in a chapter is a question unanswered: {output}"
            if output.output_type in ("execute_result", "display_data"):
                assert not re.search(r"at 0x[0-9a-f]{6,}", str(output.data.get("text/plain", ""))), cell.source


@chapter
def test_every_picture_has_alt_text(source):
    for cell in code_cells(product(source)):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
                assert len(alt) > 20, f"no alt text for the picture of\n{cell.source}"


@chapter
def test_markdown_reads_in_plain_jupyter(source):
    for cell in product(source).cells:
        if cell.cell_type == "markdown":
            assert "```{" not in cell.source, "use colon fences"
            assert not re.search(r"\]\(https?://", cell.source), "cite it in book/references.bib instead"


@chapter
def test_claims_and_sliders_are_there(source):
    outputs = [o.data for c in code_cells(product(source)) for o in c.outputs if "data" in o]
    assert sum("application/vnd.book.claim+json" in data for data in outputs) >= 20
    assert sum("application/vnd.book.headline+json" in data for data in outputs) == 1
    sliders = [d for d in outputs if 'class="explore"' in str(d.get("text/html", ""))]
    assert len(sliders) >= 3
    assert all("application/vnd.jupyter.widget-view+json" in d for d in sliders)
    assert all(len(d["text/html"]) < 410_000 for d in sliders)


def colab_cell(source):
    return re.sub(r'REPOSITORY = "[^"]*"', 'REPOSITORY = ""', code_cells(tool.fresh(source))[0].source)


@chapter
def test_colab_cell_is_the_same_everywhere(source):
    assert colab_cell(source) == colab_cell(SOURCES[0])
    assert "remove-cell" in code_cells(tool.fresh(source))[0].metadata.tags


def test_colab_cell_installs_the_helpers_and_elsewhere_does_nothing(monkeypatch):
    calls, text = [], colab_cell(SOURCES[0])
    monkeypatch.setattr(subprocess, "run", lambda command, check: calls.append(command))
    exec(text, {})
    assert not calls
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    with pytest.raises(AssertionError, match="set REPOSITORY"):
        exec(text, {})
    exec(text.replace('REPOSITORY = ""', 'REPOSITORY = "https://github.com/some/book"'), {})
    assert {"git+https://github.com/some/book", "--no-deps", "micrograd", "mnist1d", "torch_geometric"} <= set(calls[0])


def solutions(notebook):
    """The worked solutions, by the id of the exercise whose cell precedes them."""
    found, current = {}, None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            asked = re.search(r'^exercise\("([\w-]+)"\)\.check', cell.source, re.M)
            current = asked[1] if asked else current
        elif current:
            code = re.search(r"<details><summary>Solution</summary>.*?```python\n(.*?)```.*?</details>", cell.source, re.S)
            if code:
                found.setdefault(current, code[1])
    return found


@chapter
def test_exercises_and_their_solutions(source):
    stored = product(source)
    asked = [m[1] for c in code_cells(stored) if (m := re.search(r'^exercise\("([\w-]+)"\)\.check', c.source, re.M))]
    assert len(asked) >= 8 and set(asked) == set(solutions(stored))
    for cell in code_cells(stored):
        if re.search(r'^exercise\("', cell.source, re.M):
            assert "not answered yet" in json.dumps(cell.outputs)


@chapter
def test_runs_offline_within_budget_and_solutions_are_right(source, monkeypatch):
    """The whole chapter once more, with every exercise answered by its worked solution."""
    notebook = tool.fresh(source)
    answers = solutions(notebook)
    for cell in code_cells(notebook):
        if asked := re.search(r'^exercise\("([\w-]+)"\)\.check', cell.source, re.M):
            cell.source = answers[asked[1]] + "\n" + cell.source[asked.start():]
    notebook.cells.insert(0, nbformat.v4.new_code_cell(NO_NETWORK))
    notebook.cells.append(nbformat.v4.new_code_cell("import time; print('cpu', time.process_time())"))
    for name, value in {"BOOK_QUIET": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}.items():
        monkeypatch.setitem(os.environ, name, value)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(source.parent)}}).execute()
    states = re.findall(r'data-state=."(\w[\w ]*)', json.dumps([c.outputs for c in code_cells(notebook)]))
    assert states == ["right"] * len(answers), states
    cpu = float(re.search(r"cpu ([\d.]+)", notebook.cells[-1].outputs[0].text)[1])
    assert cpu < BUDGET, f"{cpu:.0f} s of CPU, budget {BUDGET} s"


def test_notebooks_tool_is_deterministic_about_ids():
    text = tool._steady_ids(json.dumps({
        "metadata": {"widgets": {"x": {"state": {"a" * 32: {}, "b" * 32: {"child": "IPY_MODEL_" + "a" * 32}}}}},
    }))
    again = tool._steady_ids(text.replace("a", "a"))
    assert "a" * 32 not in text and json.loads(again)["metadata"].keys() == {"widgets"}


def test_jupytext_reads_what_it_writes():
    for source in SOURCES:
        notebook = tool.fresh(source)
        again = jupytext.reads(jupytext.writes(notebook, "py:percent"), "py:percent")
        assert [c.source for c in again.cells] == [c.source for c in notebook.cells]
