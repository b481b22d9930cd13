"""The stored notebooks, paired, whole, readable everywhere; what makes and tests them.

That each cell runs, claims what is stored and is answered right is tested by the
notebooks' own items (tools/nbtest.py).
"""

import base64
import io
import math
import os
import re
import subprocess
import sys
import types

import jupytext
import nbformat
import pytest
from PIL import Image

import nbtest
import notebooks as tool
from book import CHAPTERS, NOTEBOOKS, ROOT

CLAIM = "application/vnd.book.claim+json"
HEADLINE = "application/vnd.book.headline+json"
notebook = pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda s: s.stem)
chapter = pytest.mark.parametrize("source", CHAPTERS, ids=lambda s: s.stem)


def product(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(source):
    return [data for cell in product(source).cells for data in tool.bundles(cell)]


# --- the stored notebooks -------------------------------------------------------------


def test_the_table_of_contents_names_every_notebook():
    assert sorted(NOTEBOOKS) == sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.py"))


@notebook
def test_pair_is_equal(source):
    ours, theirs = tool.fresh(source), product(source)
    for a, b in zip(ours.cells, theirs.cells, strict=True):
        assert (a.cell_type, a.source, a.metadata) == (
            b.cell_type,
            b.source,
            b.metadata,
        )


@notebook
def test_stored_outputs_are_those_of_this_source_and_these_helpers(source):
    assert tool.is_current(source), "run `make notebooks` and commit the result"


@notebook
def test_executed_in_order_without_error(source):
    cells = [cell for cell in code_cells(product(source)) if cell.source.strip()]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.output_type != "execute_result", (
                f"a value left as the last line is shown raw; print it:\n{cell.source}"
            )
            assert output.get("name") != "stderr", f"a warning in a chapter: {output}"
            wide = [line for line in output.get("text", "").split("\n") if line[88:]]
            assert not wide, f"wider than the page, so it scrolls: {wide}"
            text = str(output.get("data", {}).get("text/plain", ""))
            assert not re.search(r"at 0x[0-9a-f]{6,}", text), cell.source


@notebook
def test_every_picture_has_alt_text(source):
    for cell in code_cells(product(source)):
        if any("image/png" in data for data in tool.bundles(cell)):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt) > 20, f"no alt text for the picture of\n{cell.source}"


@notebook
def test_markdown_reads_in_plain_jupyter(source):
    for cell in product(source).cells:
        if cell.cell_type == "markdown":
            assert "```{" not in cell.source, "use colon fences"
            assert not re.search(r"\]\(https?://", cell.source), (
                "cite it in references.bib"
            )


@notebook
def test_no_widget_is_stored(source):
    assert "widgets" not in product(source).metadata
    assert not any(tool.WIDGET in data for data in shown(source))


@chapter
def test_claims_headline_and_sliders_are_there(source):
    outputs = shown(source)
    assert sum(CLAIM in data for data in outputs) >= 20
    assert 1 <= sum(HEADLINE in data for data in outputs) <= 2
    sliders = [
        html
        for data in outputs
        if 'class="explore' in (html := data.get("text/html", ""))
    ]
    assert len(sliders) >= 3
    assert all(len(html) < 410_000 for html in sliders)


@chapter
def test_eight_exercises_each_with_a_solution(source):
    exercises, answered = [], 0
    for cell in product(source).cells:
        if cell.cell_type == "markdown":
            answered += len(nbtest.solutions(cell.source))
            continue
        here = nbtest.asked(cell.source)
        exercises += [id for id, _ in here]
        text = "".join(data.get("text/plain", "") for data in tool.bundles(cell))
        assert text.count("not answered yet") == len(here), cell.source
    assert len(exercises) >= 8 and len(set(exercises)) == len(exercises) == answered


def colab_cell(source):
    text = code_cells(tool.fresh(source))[0].source
    return re.sub(r'REPOSITORY = "[^"]*"', 'REPOSITORY = ""', text)


@notebook
def test_colab_cell_is_the_same_everywhere(source):
    assert colab_cell(source) == colab_cell(NOTEBOOKS[0])
    assert "remove-cell" in code_cells(tool.fresh(source))[0].metadata.tags


def test_colab_cell_installs_the_helpers_and_elsewhere_does_nothing(monkeypatch):
    calls, text = [], colab_cell(NOTEBOOKS[0])
    monkeypatch.setattr(subprocess, "run", lambda command, check: calls.append(command))
    exec(text, {})
    assert not calls
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    with pytest.raises(AssertionError, match="set REPOSITORY"):
        exec(text, {})
    address = "https://github.com/some/book"
    exec(text.replace('REPOSITORY = ""', f'REPOSITORY = "{address}"'), {})
    assert {f"git+{address}", "--no-deps", "xxhash==4.1.0"} <= set(calls[0])


# --- the tool that makes them ---------------------------------------------------------

SMALL = '''# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""
# A small chapter
"""

# %% tags=["remove-cell"]
REPOSITORY = ""  # the address

# %% tags=["set-up"]
import random

import matplotlib.pyplot as plt
from helpers import explore, verify
from IPython.display import display


def line(a):
    figure, ax = plt.subplots()
    ax.plot([0, a])
    return figure


# %%
explore(line, alt="a line", a=[1, 2, 3])

# %%
shown = {"what": "a step", "value": random.random()}
text = f"a step: {shown['value']}\\nin seconds"
display({"text/html": text, "application/vnd.book.measured+json": shown}, raw=True)

# %% tags=["checks"]
verify("two is two", 2, 2)
'''


@pytest.fixture
def small(tmp_path):
    """A small chapter below a root of its own."""
    for folder in ("notebooks", "helpers/live"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "helpers" / "claims.py").write_text(
        "x = f'{1:.2f}'\n", encoding="utf-8"
    )
    (tmp_path / "helpers" / "live" / "ball.js").write_text(
        "export default 1", encoding="utf-8"
    )
    (tmp_path / "requirements.txt").write_text("numpy==2\n", encoding="utf-8")
    source = tmp_path / "notebooks" / "01_small.py"
    source.write_text(SMALL, encoding="utf-8")
    tool._ground.cache_clear()
    yield source
    tool._ground.cache_clear()


def test_two_runs_give_the_same_bytes_and_a_product_is_folded(small, tmp_path):
    stored = small.with_suffix(".ipynb")
    tool.execute(small, tmp_path)
    first = stored.read_bytes()
    tool.execute(small, tmp_path)
    assert stored.read_bytes() == first, "an unchanged chapter changed"
    assert tool.is_current(small, tmp_path)
    assert b"widget" not in first and not list(stored.parent.glob(".*.part"))
    cells = code_cells(product(small))
    assert [cell.metadata.get("cellView") for cell in cells] == [
        None,
        "form",
        None,
        None,
        "form",
    ]
    assert [bool(cell.metadata.get("jupyter")) for cell in cells] == [
        False,
        True,
        False,
        False,
        True,
    ]

    # A word in a cell: its measured line is new. A cell before it: all others keep
    # their ids.
    text = SMALL.replace("# %% tags=[\"set-up\"]", '# %%\n1\n\n# %% tags=["set-up"]')
    small.write_text(text, encoding="utf-8")
    tool.execute(small, tmp_path)
    assert {c.id for c in cells} < {c.id for c in code_cells(product(small))}
    measured = code_cells(product(small))[4].outputs
    assert measured == cells[3].outputs
    small.write_text(text.replace("in seconds", "in all"), encoding="utf-8")
    tool.execute(small, tmp_path)
    assert code_cells(product(small))[4].outputs != measured


def test_the_fingerprint_knows_what_a_product_is_made_from(small, tmp_path):
    helper, script = (
        tmp_path / "helpers" / "claims.py",
        tmp_path / "helpers" / "live" / "ball.js",
    )

    def after(path, text):
        path.write_text(text, encoding="utf-8", newline="")
        tool._ground.cache_clear()
        return tool.fingerprint(small, tmp_path)

    first = tool.fingerprint(small, tmp_path)
    ids = [cell.id for cell in tool.fresh(small).cells]
    address = '"https://github.com/owner/name"'
    assert (
        after(small, SMALL.replace('REPOSITORY = ""', f"REPOSITORY = {address}"))
        == first
    )
    assert [cell.id for cell in tool.fresh(small).cells] == ids
    assert after(small, SMALL.replace("\n", "\r\n")) == first, "line ends"
    assert (
        after(small, SMALL.replace("two is two", "2 is 2"))["source"] != first["source"]
    )
    assert after(small, SMALL) == first
    assert after(helper, '"""Checks."""\n# why\nx = f"{1:.2f}"\n') == first, (
        "only words changed"
    )
    assert after(helper, "x = f'{1:.3f}'\n")["ground"] != first["ground"]
    assert after(helper, "x = f'{1:.2f}'\n") == first
    assert after(script, "export default 2") == first, (
        "a figure that the chapter does not show"
    )
    spoken = after(small, SMALL + 'label = "ball"\n')
    assert after(script, "export default 2.5") == spoken, "a word is not a figure"
    named = after(small, SMALL + 'live("ball", {})\n')
    assert after(script, "export default 3")["source"] != named["source"]
    assert after(small, SMALL) == first
    assert (
        after(tmp_path / "requirements.txt", "numpy==3\n")["ground"] != first["ground"]
    )


def test_a_product_that_is_cut_off_is_not_current(small, tmp_path):
    stored = small.with_suffix(".ipynb")
    assert not tool.is_current(small, tmp_path)
    made = tool.fresh(small)
    made.metadata["book"] = tool.fingerprint(small, tmp_path)
    tool._write(stored, nbformat.writes(made))
    assert tool.is_current(small, tmp_path)
    stored.write_text(stored.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    assert not tool.is_current(small, tmp_path)


def test_an_interrupted_write_leaves_what_was_there(small):
    stored = small.with_suffix(".ipynb")
    tool._write(stored, "whole")
    with pytest.raises(UnicodeEncodeError):
        tool._write(stored, "half \ud800")
    assert stored.read_text(encoding="utf-8") == "whole"
    assert [path.name for path in stored.parent.glob("*.ipynb*")] == [stored.name]
    assert not list(stored.parent.glob(".*"))


def stored_picture(picture):
    """What the tool keeps of a drawing, as an RGB image."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    small = tool._smaller(base64.b64encode(out.getvalue()).decode())
    return Image.open(io.BytesIO(base64.b64decode(small))).convert("RGB")


def test_a_transparent_picture_stands_on_white():
    kept = stored_picture(Image.new("RGBA", (2, 2), (0, 0, 0, 0)))
    assert kept.getpixel((0, 0)) == (255, 255, 255)


def test_a_thin_red_line_over_many_blues_stays_red():
    picture = Image.new("RGB", (400, 200))
    for k in range(200):  # more blues than the palette has colours
        picture.paste((k, k, 255), (0, k, 400, k + 1))
    picture.paste((200, 16, 46), (0, 100, 400, 102))
    kept = stored_picture(picture)
    assert math.dist(kept.getpixel((7, 101)), (200, 16, 46)) < 12


def test_check_names_what_is_not_current(small, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "NOTEBOOKS", [small])
    monkeypatch.setattr(sys, "argv", ["notebooks.py", "--check"])
    with pytest.raises(SystemExit, match="01_small"):
        tool.main()
    monkeypatch.setattr(tool, "is_current", lambda source: True)
    tool.main()


def test_jupytext_reads_what_it_writes():
    for source in NOTEBOOKS:
        notebook = tool.fresh(source)
        again = jupytext.reads(jupytext.writes(notebook, "py:percent"), "py:percent")
        assert [c.source for c in again.cells] == [c.source for c in notebook.cells]


# --- the items of a notebook ----------------------------------------------------------

ONE = {"claim": "one", "kind": "equal", "measured": "1.0", "expected": "1"}
ONE |= {"tolerance": "", "rtol": None}  # rtol: of headlines
NOISE = ONE | {"measured": "1e-16", "expected": "0", "tolerance": "± 1e-12"}
MEAN = ONE | {"tolerance": "± 4 standard errors of 0.2"}
SIDE = ONE | {"kind": "at least", "measured": "0.98", "expected": "at least 0.96"}
HUGE = ONE | {"kind": "at least", "measured": "7e+04", "expected": "at least 1000"}
MAIN = ONE | {"measured": "2.9", "expected": "3.0", "tolerance": "ratio 0.967"}
MAIN |= {"rtol": 0.1}
WORST = MAIN | {"tolerance": "ratio 0.967, the worst of 9"}
SAME = {  # a claim of this run, and stored ones that agree with it
    "itself": (ONE, {}),
    "fourth digit": (ONE, {"measured": "1.0004"}),
    "tolerance": (ONE | {"tolerance": "± 0.05"}, {"measured": "1.03"}),
    "errors": (MEAN, {"measured": "1.7"}),
    "rounding": (NOISE, {"measured": "−3.2e-15"}),
    "within the margin": (SIDE, {"measured": "0.97"}),
    "order of magnitude": (HUGE, {"measured": "7e+05"}),
    "headline": (MAIN, {"measured": "3.1"}),
    "another worst": (
        WORST,
        {"measured": "66", "tolerance": "ratio 0.92, the worst of 9"},
    ),
}
OTHER = {  # stored ones that do not
    "third digit": (ONE, {"measured": "1.02"}),
    "zero": (ONE, {"measured": "0"}),
    "range": (
        ONE | {"measured": "1 to 9", "expected": "1 to 9"},
        {"measured": "5 to 9"},
    ),
    "shape": (ONE, {"measured": "1.0 (closest of 2)"}),
    "words of the value": (ONE, {"measured": "1.0 everywhere"}),
    "expected": (ONE, {"expected": "2"}),
    "claim": (ONE, {"claim": "uno"}),
    "kind": (ONE, {"kind": "at most"}),
    "tolerance": (ONE | {"tolerance": "± 0.05"}, {"measured": "1.1"}),
    "stored tolerance": (ONE, {"measured": "1.02", "tolerance": "± 0.05"}),
    "errors": (MEAN, {"measured": "1.9"}),
    "rounding": (NOISE, {"measured": "2e-12"}),
    "beyond the margin": (SIDE, {"measured": "42"}),
    "sign": (SIDE, {"measured": "-1"}),
    "limit": (SIDE, {"expected": "at least 0.95"}),
    "below the limit": (SIDE, {"measured": "0.9"}),
    "headline": (MAIN, {"measured": "3.3"}),
    "ratio": (WORST, {"tolerance": "ratio 0.8, the worst of 9"}),
}


@pytest.mark.parametrize("name", SAME)
def test_claims_that_agree(name):
    run, change = SAME[name]
    assert not nbtest.differ([run | change], [run])


@pytest.mark.parametrize("name", OTHER)
def test_claims_that_differ(name):
    run, change = OTHER[name]
    assert nbtest.differ([run | change], [run])


def test_the_number_of_claims():
    assert nbtest.differ([], [ONE]) and nbtest.differ([ONE, ONE], [ONE])


EXERCISE = """
@exercise.define("NAME")
def _(answer):
    CHECK


exercise("NAME").check(...)
"""
COUNT = 'return answer == 2 or "count again"'
SOLUTION = "<details><summary>Solution</summary>\n\n```python\n1\n```\n\n</details>"
CONNECT = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
DATAGRAM = """import socket
talk = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
talk.sendto(b"", ("2001:db8::1", 53))"""
CHILD = f"""import subprocess, sys
subprocess.run([sys.executable, "-c", {CONNECT!r}], check=True)"""
CELLS = {  # code, and what its item says, if anything
    "from helpers import exercise, verify; verify('one', 1, 1)": "",
    "verify('two', 2.02, 2, atol=0.1)": "measured 1.0 stored, 2.02",
    "import sys; print('oh', file=sys.stderr)": "a question unanswered",
    "import socket; socket.create_server(('127.0.0.1', 0)).close()": "",
    CONNECT: "the book fetches nothing",
    "import socket; socket.getaddrinfo('127.example.org', 80)": "book fetches nothing",
    DATAGRAM: "the book fetches nothing",
    CHILD: "CalledProcessError",
}
EXERCISES = {  # by id: the check, the solution, what its item says
    "right": (COUNT, "2", ""),
    "wrong": (COUNT, "3", "wrong: count again"),
    "all": ("return True", "2", "accepts None"),
}


def test_the_items_of_a_notebook_see_what_is_wrong(tmp_path):
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "",
        "language": "python",
    }
    for code in CELLS:
        notebook.cells.append(nbformat.v4.new_code_cell(code, execution_count=1))
    for cell, words in zip(notebook.cells, ("one", "two"), strict=False):
        stored = ONE | {"claim": words, "expected": str((words == "two" and 2) or 1)}
        cell.outputs = [nbformat.v4.new_output("display_data", {CLAIM: stored})]
    for id, (check, solution, _) in EXERCISES.items():
        code = EXERCISE.replace("NAME", id).replace("CHECK", check)
        code = code.replace("check(...)", "check(answer)").replace(
            "\n\nex", "\n\nanswer = ...\nex"
        )
        notebook.cells += [
            nbformat.v4.new_code_cell(code, execution_count=1),
            nbformat.v4.new_markdown_cell(
                SOLUTION.replace("\n1\n", f"\nanswer = {solution}\n")
            ),
        ]
    nbformat.write(notebook, tmp_path / "small.ipynb")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "nbtest",
        "--nbval-lax",
        "-q",
        "-rA",
    ]
    run = subprocess.run(
        [
            *command,
            "--color=no",
            "-p",
            "no:cacheprovider",
            f"--rootdir={tmp_path}",
            "small.ipynb",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(ROOT / "tools"), "BOOK_CHAPTER": ""},
        cwd=tmp_path,
    )
    expected = {f"Cell {k}": said for k, said in enumerate(CELLS.values())}
    expected |= {f"Cell {len(CELLS) + k}": "" for k in range(len(EXERCISES))}
    expected |= {f"Solution of {id}": said for id, (*_, said) in EXERCISES.items()}
    verdicts = re.findall(
        r"^(PASSED|FAILED) small.ipynb::((?:Cell|Solution of) \w+)", run.stdout, re.M
    )
    assert {name: verdict == "FAILED" for verdict, name in verdicts} == {
        name: bool(said) for name, said in expected.items()
    }, run.stdout
    for name, said in expected.items():
        if said:
            report = re.search(
                rf"^_+ small.ipynb::{name} _+$(.*?)(?=^___|^===)",
                run.stdout,
                re.M | re.S,
            )
            assert said in report[1], run.stdout


def test_exercises_and_solutions_are_found_however_they_are_written():
    ask = "if True:\n    exercise('half life') . check(\n        3)\n"
    ask += 'exercise("b.c").verdict(2)'
    assert [id for id, _ in nbtest.asked(ask)] == ["half life"]
    fold = SOLUTION.replace("\n1\n", "\nx = 1\n").replace(
        "</summary>", "</summary>\n\nWell:"
    )
    assert nbtest.solutions("```python\nno = 1\n```\n\n" + fold) == ["x = 1\n"]
    assert nbtest.solutions(fold.replace("Solution", "Hint")) == []
    cell, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    asked = cell("exercise('a').check(x)")
    notebook = nbformat.v4.new_notebook(cells=[asked, text(fold)])
    assert list(nbtest.answers(notebook)) == ["a"]
    for cells in ([asked], [asked, cell("1"), cell("exercise(\"b\").check(1)")]):
        with pytest.raises(ValueError, match="exercise 'a'"):
            nbtest.answers(nbformat.v4.new_notebook(cells=cells))
