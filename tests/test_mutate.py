"""The mutation tool: which slips it makes, which it leaves out, and what it reports."""

import argparse
import ast
import os
import re
import subprocess
import sys
import textwrap

import pytest

import mutate
from book import ROOT

CHAPTER = '''
# %% [markdown]
"""
# A chapter
"""

# %% tags=["set-up"]
import numpy as np

from helpers import explore, live, verify

# %%
def mean(x):
    return x.sum() / len(x)

def unchecked(x):
    return x + 1

def largest(n):
    k = 0
    return max(n, k)

unchecked(3)
steps = largest(5)
size = 70  # setting

# %%
def shown(state):
    return [[3 * state], {"ragged": np.ones((2, state))}, "word", True]

live("figure", 1, alt="a figure", states=[1, 2], truth=shown)

# %% tags=["picture"]
drawn = 3 + 4

# %% tags=["checks"]
verify("the mean of 1, 2, 6", mean(np.array([1, 2, 6])), 3)
verify("steps", steps, 5)

# %% tags=["yours"]
raise SystemExit("exercises are not run")
'''


def edits(code):
    code = textwrap.dedent(code).strip()
    return {mutant.after for mutant in mutate.mutants(code)} - {code}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("y = a + b", {"y = a - b"}),
        ("y = a * b", {"y = a / b"}),
        ("y = a // b", {"y = a * b"}),
        ("y = A @ B", {"y = B @ A"}),
        ("y = -x", {"y = x"}),
        ("y = a < b", {"y = a <= b", "y = a > b"}),
        ("y = a == b", {"y = a != b"}),
        ("y = a and b", {"y = a or b"}),
        ("y = 2", {"y = 3"}),
        ("y = 0", {"y = 1"}),
        ("y = 0.5", {"y = 0.55", "y = 1.0"}),
        ("y = True", {"y = False"}),
        ("y = x.T", {"y = x"}),
        ("y = x.mean()", {"y = x.sum()"}),
        ("y = np.argmax(x)", {"y = np.argmin(x)"}),
        ("y = np.sqrt(x)", {"y = x"}),
        ("y = np.zeros(n)", {"y = np.ones(n)"}),
        ("y = x.sum(axis=0)", {"y = x.mean(axis=0)", "y = x.sum(axis=1)"}),
        ("y = x[1:]", {"y = x[2:]"}),
        ("y = x[:n]", {"y = x[1:n]", "y = x[:n - 1]"}),
        ("y = x[n]", set()),
        ("x -= y", {"x += y", "pass"}),
        ("net.zero()", {"pass"}),
        ("x = f(x)", {"pass"}),
        ("x[k] = y", {"pass"}),
        ("def f(x, n=2): return x", {"def f(x, n=3): return x"}),
        ("y = a * (b + c)", {"y = a / (b + c)", "y = a * (b - c)"}),
    ],
)
def test_slips(code, expected):
    assert edits(code) == expected


@pytest.mark.parametrize(
    "code",
    [
        '"""Docstring 3."""',
        "import numpy as np",
        "rng = np.random.default_rng(3)",
        "torch.manual_seed(3)",
        "y = f(x, random_state=3)",
        "def f(x, seed=3): return x",
        "print(f'{x:.3f}', x + 1)",
        "verify('c', x + 1, 3)",
        "ax.plot(x + 1)",
        "fig, ax = plt.subplots(2, 3)",
        "def draw(n):\n    fig = plt.figure()\n    return n + 1",
        "explore(draw, alt='a', n=[1, 2])",
        "exercise('a').check(...)",
        "@exercise.define('a')\ndef _(answer):\n    return answer == 3",
        "y = x / 1e-12",
        "n = 400  # setting",
        "n = (400,\n     500)  # setting: so many samples",
        "y = x + 1  # drawing",
        "y = f'{x + 1}'",
    ],
)
def test_what_states_nothing_is_left_out(code):
    left = {after for after in edits(code) if "1e-12" not in after}
    assert left == set()


def test_a_marked_line_does_not_hide_its_neighbours():
    code = "for n in (10, 20):  # setting\n    y = n + k"
    assert edits(code) == {"y = n - k"}


def test_a_mutant_is_the_program_with_its_edit():
    code = "def f(x):\n    return (x + 1) * 2\n"
    for mutant in mutate.mutants(code, 7):
        tree = mutate.mutated(code, mutant, 7)
        text = ast.unparse(tree)
        assert text != ast.unparse(ast.parse(code))
        line = " ".join(mutant.after.split())
        same = ast.unparse(ast.parse(f"def f(x):\n    {line}"))
        assert mutant.line == 8 and text == same
        assert tree.body[0].lineno == 7


def test_drawing_is_repeatable_and_spread_over_the_lines():
    code = "x = [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
        f"a{k} = b + c\n" for k in range(9)
    )
    found = [(0, mutant) for mutant in mutate.mutants(code)]
    chosen = mutate.drawn(found, 10, 3)
    assert {mutant.line for _, mutant in chosen} == set(range(1, 11))
    assert chosen == mutate.drawn(found, 10, 3) != mutate.drawn(found, 5, 4)
    assert len(mutate.drawn(found, 1000, 0)) == len(found)


def run(*arguments):
    command = [sys.executable, ROOT / "tools" / "mutate.py", *arguments]
    quick = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, env=quick
    )


def test_a_chapter_is_scored(tmp_path):
    source = tmp_path / "chapter.py"
    source.write_text(CHAPTER, encoding="utf-8")
    scores = mutate.SCORES.read_bytes() if mutate.SCORES.exists() else None
    tried = run(source, "--n", "1000", "-v")
    assert tried.returncode == 0, tried.stdout + tried.stderr
    survived = re.findall(r"survived \d+: (.*)", tried.stdout)
    assert survived == [
        "return x + 1 → return x - 1",
        "return x + 1 → return x + 2",
        "k = 0 → k = 1",  # 5 is larger than both
        "unchecked(3) → pass",
        "unchecked(3) → unchecked(4)",
    ]
    assert "the mean of 1, 2, 6: measured" in tried.stdout  # what noticed it
    assert re.search(r"noticed +\d+: .* → return \[\[3 / state\]", tried.stdout)
    assert "drawn" not in tried.stdout and "70" not in tried.stdout
    assert scores == (mutate.SCORES.read_bytes() if mutate.SCORES.exists() else None)


def test_a_mutant_without_end_is_noticed(tmp_path):
    source = tmp_path / "chapter.py"
    source.write_text(CHAPTER, encoding="utf-8")
    options = argparse.Namespace(n=1000, seed=0, lines=[], verbose=False)
    child = mutate.Chapter(source, options)
    child.chosen = [(0, mutate.Mutant(1, 0, 0, "before", "after"))]
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    late = mutate.Child(child.chosen[0][1], process.pid, 0.0, tmp_path / "words")
    child.children = [late]
    child._wait(0)
    assert child.noticed == 1 and not child.survivors
    process.returncode = 0  # it has been waited for


def test_a_chapter_that_fails_by_itself_is_no_score(tmp_path):
    source = tmp_path / "chapter.py"
    source.write_text("# %%\nx = 1 + 1\nassert x == 3\n", encoding="utf-8")
    tried = run(source)
    assert tried.returncode and "chapter fails without any mutant" in tried.stderr


def test_a_module_is_scored_on_a_copy(tmp_path):
    package = tmp_path / "helpers"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    module = package / "sums.py"
    module.write_text(
        "def f(x):\n    return x + 1\n\n\nknown = True\n", encoding="utf-8"
    )
    tests = tmp_path / "test_sums.py"
    tests.write_text(
        "from helpers.sums import f\n\ndef test():\n    assert f(2) == 3\n",
        encoding="utf-8",
    )
    before = module.read_bytes()
    tried = run(module, "--tests", tests)
    assert "2 of 3 noticed (67 %)" in tried.stdout, tried.stdout + tried.stderr
    assert (
        "known = True → known = False" in tried.stdout and module.read_bytes() == before
    )
    tests.write_text("def test():\n    pass\n", encoding="utf-8")
    assert "do not import sums.py from the copy" in run(module, "--tests", tests).stderr
