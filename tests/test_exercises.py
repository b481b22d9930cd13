"""Exercises: open, right, or a hint; and checks that could not fail are found out."""

import re
import warnings

import numpy as np
import pytest
import torch

from book import CHAPTERS
from helpers import exercise, exercises


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """What the helpers display, as a list of mime bundles."""
    bundles = []
    monkeypatch.setattr(
        exercises, "display", lambda bundle, raw: bundles.append(bundle)
    )
    return bundles


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No exercise is defined yet."""
    monkeypatch.setattr(exercise, "_checks", {})
    monkeypatch.setattr(exercise, "_cells", {})


def halve():
    @exercise.define("halve")
    def _(answer):
        assert answer(4) == 2, "four halved is <two>"

    return exercise("halve")


def asking(check):
    exercise.define("asked")(check)
    return exercise("asked")


def test_open_right_and_hint():
    asked = halve()
    assert asked.verdict(...) == ("open", "not answered yet")
    assert asked.verdict(lambda x: x / 2) == ("right", "right")
    state, hint = asked.verdict(lambda x: x)
    assert state == "not yet" and hint.startswith("four halved is <two>")


def test_the_verdict_is_shown(shown):
    asked = halve()
    for answer in (..., lambda x: x / 2, lambda x: 0.0):
        asked.check(answer)
    assert [bundle["text/plain"].split("\n")[0] for bundle in shown] == [
        "○ halve: not answered yet",
        "✓ halve: right",
        "→ halve: four halved is <two>",
    ]
    states = [re.search('data-state="([^"]*)"', b["text/html"])[1] for b in shown]
    assert states == ["open", "right", "not yet"]
    assert "<code>halve</code>: four halved is &lt;two&gt;" in shown[2]["text/html"]
    assert all('class="exercise-verdict"' in b["text/html"] for b in shown)


def test_errors_of_the_answer_and_of_the_check_are_told_apart():
    asked = halve()
    state, hint = asked.verdict(lambda x: 1 / 0)
    assert state == "not yet"
    assert hint == "your answer raised ZeroDivisionError: division by zero"
    state, hint = asked.verdict(3)
    assert state == "not yet"
    assert hint.startswith("the check stopped with TypeError: 'int' object is not")
    broken = asking(lambda answer: undefined_name == answer)  # noqa: F821
    assert broken.verdict(1)[1].startswith("the check stopped with NameError")
    ambiguous = asking(lambda answer: np.ones(2) == answer)
    assert ambiguous.verdict(np.ones(2))[1].startswith(
        "the check stopped with ValueErr"
    )


@pytest.mark.parametrize("true", [True, None, np.True_, torch.tensor(True)], ids=repr)
def test_every_kind_of_truth_is_right(true):
    wrong = np.False_ if isinstance(true, np.bool_) else False
    asked = asking(lambda answer: true if answer == 1 else wrong)
    assert asked.verdict(1) == ("right", "right")
    assert asked.verdict(2) == ("not yet", "that is not it yet")


def test_hints_are_texts_even_empty_ones():
    for hint, told in [("nearly", "nearly"), ("", "that is not it yet")]:
        asked = asking(lambda answer: True if answer == 1 else hint)  # noqa: B023
        assert asked.verdict(2) == ("not yet", told)

    def check(answer):
        assert answer == 1

    state, hint = asking(check).verdict(2)  # pytest gives the bare assert words
    assert state == "not yet" and hint

    def bare(answer):
        if answer != 1:
            raise AssertionError

    assert asking(bare).verdict(2) == ("not yet", "that is not it yet")


def forgot_to_assert(answer):
    answer == 1  # noqa: B015


def wants_something(answer):
    assert answer


def wants_nothing(answer):
    assert not answer


@pytest.mark.parametrize("check", [forgot_to_assert, wants_something, wants_nothing])
def test_a_check_that_accepts_anything_says_right_to_nothing(check):
    asked = asking(check)
    assert asked.verdict(...)[0] == "open"
    with pytest.raises(ValueError, match="the check of exercise 'asked' accepts"):
        asked.verdict(0 if check is wants_nothing else 1)


def test_what_a_check_warns_of_when_tried_with_junk_is_not_shown():
    def check(answer):
        if answer != 1:
            warnings.warn("junk", stacklevel=1)
        assert answer == 1

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert asking(check).verdict(1)[0] == "right"
    assert not told


def test_an_unknown_id_names_the_known():
    with pytest.raises(ValueError, match="run the cells above"):
        exercise("unknown")
    exercise.define("known")(lambda answer: True)
    exercise.define("another")(lambda answer: True)
    with pytest.raises(ValueError, match=r"'unknown'.*another, known"):
        exercise("unknown")


@pytest.mark.parametrize("id", [" ", "", "half life", "a.b", "half-life\n", None, 3])
def test_an_id_is_one_word(id):
    with pytest.raises(ValueError, match=r"^id is "):
        exercise.define(id)
    exercise.define("Half-life_2")(lambda answer: True)


def test_a_check_takes_one_answer():
    for check in (lambda a, b: True, lambda: True, "check"):
        with pytest.raises(TypeError, match="'two'"):
            exercise.define("two")(check)
    check = exercise.define("one")(wants_something)
    assert check is wants_something, "the decorated function stays what it is"


def test_two_cells_do_not_define_the_same_exercise(monkeypatch):
    define = exercise.define("twice")
    define(wants_something)
    define(wants_nothing)  # nobody says which cell it is: the later counts
    assert exercise("twice")._check is wants_nothing
    cells = iter(["one", "one", "other"])
    monkeypatch.setattr(exercises, "_cell", lambda: next(cells))
    exercise.define("cells")(wants_something)
    exercise.define("cells")(wants_nothing)  # the same cell, run again
    with pytest.raises(ValueError, match=r"'cells'.*another cell"):
        exercise.define("cells")(wants_something)


def test_the_cell_is_the_one_that_the_front_end_names(monkeypatch):
    class Shell:
        parent_header = None

    monkeypatch.setattr(exercises, "get_ipython", lambda: None)
    assert exercises._cell() is None
    monkeypatch.setattr(exercises, "get_ipython", Shell)
    assert exercises._cell() is None
    Shell.parent_header = {"metadata": {}}
    assert exercises._cell() is None
    Shell.parent_header = {"metadata": {"cellId": "abc"}}
    assert exercises._cell() == "abc"


# --- in the chapters -----------------------------------------------------------------


@pytest.mark.parametrize("source", CHAPTERS, ids=lambda source: source.stem)
def test_exercises_of_a_chapter_are_defined_once_and_asked_once(source):
    text = source.read_text(encoding="utf-8")
    defined = re.findall(r"""^@exercise\.define\(["']([\w-]+)["']\)$""", text, re.M)
    asked = re.findall(r"""^ *exercise\(\s*["'](.+?)["']\s*\)\.check\(""", text, re.M)
    assert defined and len(set(defined)) == len(defined) == text.count(
        "exercise.define("
    )
    assert sorted(asked) == sorted(defined)
