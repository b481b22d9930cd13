"""The lint refuses what it says; the project keeps it; sections run alone."""

import subprocess
import sys
import textwrap

import pytest

import cells as chapter
import lint
from book import CHAPTERS, NOTEBOOKS, ROOT

CITED = 'source="key in references.bib"'


def cell(code, kind="idea"):
    return chapter.Cell(1, kind, "", textwrap.dedent(code).strip())


def book(*sections):
    """The code cells of a chapter whose sections are lists of (kind, source)."""
    text = ""
    for number, section in enumerate(sections):
        if number:
            text += f'# %% [markdown]\n"""\n## Section {number}\n"""\n\n'
        for kind, source in section:
            tags = "" if kind == "idea" else f' tags=["{kind}"]'
            text += f"# %%{tags}\n{textwrap.dedent(source).strip()}\n\n"
    return chapter.code(chapter.parse(text))


# --- a chapter's cells ----------------------------------------------------------------


def test_cells_have_kind_line_and_section():
    text = (
        '# ---\n# jupyter:\n# ---\n\n# %% tags=["remove-cell"]\nx = 1\n\n'
        '# %% [markdown]\nr"""\n(one)=\n## One\n\ntext\n"""\n\n'
        '# %% mystnb={"image": {"alt": "a"}} tags=["picture"]\ny = 2\n\n# %%\nz = 3\n'
    )
    found = [(c.kind, c.line, c.section) for c in chapter.parse(text)]
    assert found == [
        ("remove-cell", 6, ""),
        ("markdown", 9, "One"),
        ("picture", 17, "One"),
        ("idea", 20, "One"),
    ]


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda s: s.stem)
def test_cells_are_those_that_jupytext_reads(source):
    import jupytext

    ours = chapter.code(chapter.read(source))
    theirs = [c for c in jupytext.read(source).cells if c.cell_type == "code"]
    assert [c.source for c in ours] == [c.source.rstrip() for c in theirs]


def test_names_bound_and_read():
    names = chapter.Names(
        cell(
            """
            import numpy.linalg, scipy as sp
            from math import pi as p
            a = b = c
            for i, (j, k) in pairs:
                a += i
            f = lambda x, y=d: x + y + e + later
            later = [q * g for q in h if (w := q)]
            def outer(u):
                global made
                made = u
                def inner():
                    return u + v + print
                return inner
            class Box(Base):
                size = 1
                def get(self):
                    return self.size + v2
            try:
                pass
            except Oops as error:
                pass
            with opened as file:
                d2 = {m: n for m, n in file}
            """
        ).tree
    )
    assert {n for n, lines in names.bound.items() if len(lines) == 1} == set(
        "numpy sp p b i j k f later w outer Box file d2".split()
    )
    assert len(names.bound["a"]) == 2
    early = set("c pairs d g h Base Oops opened".split())
    assert names.read - names.late == early
    assert names.late == {"e", "v", "v2", "made"}
    assert names.used_by["f"] == {"e", "later"}


def test_an_exercise_needs_its_definition():
    cells = book(
        [("set-up", "@exercise.define('a')\ndef _(answer):\n    return True")],
        [("yours", "exercise('a').check(...)")],
    )
    assert len(chapter.needed(cells, cells[1:])) == 2
    assert cells[1].names.read == {"exercise", "exercise a"}


def test_needed_cells_are_those_that_bind_what_is_read():
    cells = book(
        [("set-up", "import math"), ("set-up", "unused = 1")],
        [("idea", "a = math.pi"), ("idea", "other = unused")],
        [("idea", "def f():\n    return a"), ("idea", "y = f()")],
    )
    wanted = [c for c in cells if c.section == "Section 2"]
    found = [c.source for c in chapter.needed(cells, wanted)]
    assert found[:2] == ["import math", "a = math.pi"] and len(found) == 4


# --- checks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "verify('c', x, 939)",
        "verify('c', x, -0.125)",
        "verify('c', measured=x, expected=23.6)",
        "verify('c', x, [1.5, 0.347], atol=0.1)",
        "verify('c', x, np.array([1.5, 0.347]))",
        "verify('c', x, ('a', 939))",
        "verify('c', x, 2 * 0.347)",
        "limit = 0.347\nverify_at_most('c', x, limit)",
        "steps, rate = 939, f(2)\nverify('c', x, steps)",
        "verify_at_least('c', x, 0.999)",
        "verify_within_se('c', x, expected=1.04)",
        "headline('c', x, 1010, rtol=0.1)",
    ],
)
def test_typed_expected_values_are_refused(code):
    assert [what for _, what in lint.typed(cell(code)) if CITED in what]


@pytest.mark.parametrize(
    "code",
    [
        "verify('c', x, 939, source='shannon1948')",
        "verify('c', x, 1000)",
        "verify_at_most('c', x, 1e-6)",
        "verify_at_most('c', x, 0.001)",
        "verify_at_most('c', x, 0.95)",
        "verify('c', x, math.ceil(939.5))",
        "verify('c', x, 0.125 * n)",
        "verify('c', x, 2**10)",
        "verify('c', 939, n, atol=0.123)",
        "limit = 0.347\nlimit = f(2)\nverify('c', x, limit)",
        "verify('c', x, 'word 939')",
        "verify('c', x, True)",
    ],
)
def test_other_expected_values_are_not(code):
    assert not list(lint.typed(cell(code)))


@pytest.mark.parametrize(
    "code",
    [
        "verify('c', f(x), f( x ))",
        "verify('c', a + b, b + a)",
        "verify('c', float(2 * n), n * 2)",
        "a = g(x)\nb = g(x)\nverify('c', a, b)",
        "a, b = g(x), g(x)\nverify('c', a, b)",
        "a = g(x)\nverify('c', a, g(x))",
        "verify_at_most('c', np.array(x), x)",
    ],
)
def test_a_check_of_an_expression_against_itself_is_refused(code):
    assert list(lint.same_sides(cell(code)))


@pytest.mark.parametrize(
    "code",
    [
        "verify('c', a - b, b - a)",
        "verify('c', A @ B, B @ A)",
        "verify('c', x[0], x[1])",
        "verify('c', x.a, x.b)",
        "verify('c', f(x, k=1), f(x, k=2))",
        "a, b = [], []\na.append(1)\nb.append(1)\nverify('c', a, b)",
        "a = g(x)\na = h(a)\nb = g(x)\nverify('c', a, b)",
    ],
)
def test_a_check_of_two_expressions_is_not(code):
    assert not list(lint.same_sides(cell(code)))


def test_walls_of_ticks_are_refused():
    loop = cell("for n in many:\n    verify(f'{n}', f(n), g(n))")
    assert list(lint.loops(loop, 7)) and not list(lint.loops(loop, 6))
    listed = cell("[verify(f'{n}', f(n), g(n)) for n in many]")
    assert list(lint.loops(listed, 7))
    called = cell(
        "def check(n):\n    verify('c', n, f(n))\nfor n in many:\n    check(n)"
    )
    assert list(lint.loops(called, 7))
    straight = cell("\n".join("verify('c', a, b)" for _ in range(9)))
    assert not list(lint.loops(straight, 9))


# --- names, cells, words --------------------------------------------------------------


def refused(found, word):
    return [what for _, what in found if word in what]


def test_a_name_used_outside_its_section_is_bound_once():
    twice = book([], [("idea", "a = 1\na += 1")], [("idea", "b = a")])
    assert refused(lint.names(twice), "a is read")
    other = book([], [("idea", "a = 1")], [("idea", "b = a")], [("idea", "a = 2")])
    assert refused(lint.names(other), "a is read")
    setup = book([("set-up", "a = 1")], [("idea", "a = a + 1")])
    assert refused(lint.names(setup), "a is read")


def test_a_function_takes_its_names_along():
    uses = [("idea", "n = 3\ndef f(x):\n    return x * n")]
    assert refused(
        lint.names(
            book([], uses, [("idea", "n = 4"), ("checks", "verify('c', f(1), n)")])
        ),
        "n is read",
    )
    assert not list(lint.names(book([], uses, [("idea", "n = 4")])))


def test_names_of_a_section_are_its_own():
    fine = book(
        [("set-up", "import numpy as np")],
        [("idea", "a = np.ones(3)\na = a + 1"), ("checks", "verify('c', a, 2 * a)")],
        [("idea", "a = np.zeros(3)\ndef g(x):\n    return h(x)"), ("idea", "h = abs")],
        [("idea", "b = [a for a in range(3)]\nf = lambda a: a")],
    )
    assert not list(lint.names(fine))


def test_cells_are_one_thing_and_short():
    long = book([("idea", "\n".join(f"x{k} = {k}" for k in range(16)))])
    assert refused(lint.kinds(long), "an idea of 16 lines")
    assert not list(
        lint.kinds(book([("set-up", "\n".join("x = 1" for _ in range(40)))]))
    )
    picture = book([("picture", "plt.plot(x)\nverify('c', x, y)")])
    assert refused(lint.kinds(picture), "a picture with verify")
    assert refused(
        lint.kinds(book([("checks", "headline('c', x, y, rtol=0.1)")])), "headline"
    )
    assert refused(lint.kinds(book([("checks", "plt.plot(x)")])), "draws")
    assert refused(
        lint.kinds(book([("checks", "explore(draw, alt='a', k=[1, 2])")])), "draws"
    )
    binds = [("checks", "a = f(x)\nverify('c', a, y)"), ("idea", "b = a")]
    assert refused(lint.kinds(book(binds)), "binds a")
    rebound = [
        ("checks", "a = f(x)\nverify('c', a, y)"),
        ("idea", "a = 2"),
        ("idea", "b = a"),
    ]
    assert not list(lint.kinds(book(rebound)))


def test_too_many_open_cells_are_refused():
    idea, folded = ("idea", "x = 1"), ("checks", "verify('c', x, y)")
    assert list(lint.share(book([idea] * 5 + [folded] * 5)))
    assert not list(lint.share(book([idea] * 4 + [folded] * 5)))
    stubs = [("yours", "x = 1")]
    assert list(lint.share(book(stubs * 5 + [folded] * 5 + [("remove-cell", "x = 1")])))


@pytest.mark.parametrize(
    "words", ["The notes say", "the last two lines above", "the tick below"]
)
def test_words_that_send_the_reader_away_are_refused(words):
    text = f'# %% [markdown]\n"""\nSee what {words} is.\n"""\n'
    assert [line for line, _ in lint.words(chapter.parse(text))] == [3]
    other = '# %% [markdown]\n"""\nNotes say a line above 0 is long.\n"""\n'
    assert not list(lint.words(chapter.parse(other)))


def test_files_that_are_no_python_are_refused(tmp_path, monkeypatch):
    broken = tmp_path / "notebooks" / "01_broken.py"
    broken.parent.mkdir()
    monkeypatch.setattr(lint, "ROOT", tmp_path)
    for text, refused in {
        "x = (1,\n": True,
        '# %% [markdown]\nr"""\nrr"""\ntext\n"""\n"""\n': True,
        '# %% [markdown]\n"""\none\n"""\n"""\ntwo\n"""\n': True,
        '# %% [markdown]\nr"""\ntext\n"""\n\n# %%\nx = 1\n': False,
    }.items():
        broken.write_text(text, encoding="utf-8")
        assert bool(list(lint.python(broken))) == refused, text


# --- the project ----------------------------------------------------------------------


@pytest.mark.parametrize("eaten", ["\\text{a}", "\\frac12", "\\nabla f", "i\\ne t"])
def test_eaten_backslashes_are_refused(eaten):
    cell = "# %% [markdown]\nr\"\"\"\nThe value ${}$ counts.\n\"\"\"\n"
    assert not list(lint.markdown(cell.format(eaten)))
    broken = eaten.encode().decode("unicode_escape")  # what Python makes of it
    assert len(list(lint.markdown(cell.format(broken)))) == 1


def test_every_source_is_python():
    assert len(lint.sources()) > 30
    assert not {
        p.name: found for p in lint.sources() if (found := list(lint.python(p)))
    }


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda s: s.stem)
def test_a_chapter_keeps_the_rules(source):
    assert not [f"{source.name}:{line}: {what}" for line, what in lint.findings(source)]


@pytest.mark.parametrize("source", CHAPTERS, ids=lambda s: s.stem)
def test_sections_run_alone(source):
    """Three sections, each after only those cells that bind what it reads."""
    command = [sys.executable, ROOT / "tools" / "cells.py", source, "--alone", "3"]
    run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_ruff_has_nothing_to_say(command):
    run = subprocess.run(
        [sys.executable, "-m", "ruff", *command.split(), "--no-cache", "."],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:]
