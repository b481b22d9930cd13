"""Exercises that answer back: not answered yet, right, or a hint."""

import html
import inspect
import re
import warnings
from collections.abc import Callable
from typing import Any

from IPython import get_ipython
from IPython.display import display

NOT_YET = "that is not it yet"


class Exercise:
    """One exercise: ``verdict(answer)`` returns what ``check(answer)`` shows."""

    def __init__(self, id: str, check: Callable[[Any], Any]):
        self.id, self._check = id, check

    def verdict(self, answer: Any) -> tuple[str, str]:
        """``(state, message)`` with state "open", "right" or "not yet".

        ``...`` counts as unanswered. An exception becomes the hint, so that a
        half-written answer never stops the notebook.

        Raises ``ValueError`` when the check calls ``None`` or ``object()`` right too: a
        check that could not fail teaches nothing.
        """
        if answer is ...:
            return "open", "not answered yet"
        message = self._hint(answer)
        if message is not None:
            return "not yet", message
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for junk in (None, object()):
                if self._hint(junk) is None:
                    raise ValueError(
                        f"the check of exercise {self.id!r} accepts {junk!r}"
                    )
        return "right", "right"

    def check(self, answer: Any) -> None:
        """Show the verdict on ``answer`` (``...`` means: not answered yet)."""
        state, message = self.verdict(answer)
        mark = {"open": "○", "right": "✓", "not yet": "→"}[state]
        display(
            {
                "text/plain": f"{mark} {self.id}: {message}",
                "text/html": f'<div class="exercise-verdict" data-state="{state}">'
                f"{mark} <code>{html.escape(self.id)}</code>: "
                f"{html.escape(message)}</div>",
            },
            raw=True,
        )

    def _hint(self, answer):
        """What is wrong with the answer; ``None`` when the check finds nothing."""
        try:
            said = self._check(answer)
            if isinstance(said, str):
                return said or NOT_YET
            return None if said is None or bool(said) else NOT_YET
        except AssertionError as error:
            return str(error) or NOT_YET
        except Exception as error:  # the reader's own code may raise anything
            inner = error.__traceback__
            while inner.tb_next:
                inner = inner.tb_next
            own = inner.tb_frame.f_code in (Exercise._hint.__code__, self._code())
            return (
                f"{'the check stopped with' if own else 'your answer raised'} "
                f"{type(error).__name__}: {error}"
            )

    def _code(self):
        return getattr(inspect.unwrap(self._check), "__code__", None)


class Exercises:
    """The exercises of a notebook: ``exercise(id)``, and ``exercise.define(id)``."""

    def __init__(self):
        self._checks, self._cells = {}, {}

    def __call__(self, id: str) -> Exercise:
        """The exercise of that name, defined earlier in the notebook.

        Raises ``ValueError`` for an unknown id, naming those that are known.
        """
        if id not in self._checks:
            known = ", ".join(sorted(self._checks)) or "none yet: run the cells above"
            raise ValueError(
                f"id is {id!r}, expected one of those defined so far ({known})"
            )
        return Exercise(id, self._checks[id])

    def define(self, id: str) -> Callable[[Callable], Callable]:
        """Register the decorated ``check(answer)`` under ``id``.

        The check returns ``True`` or ``None`` when the answer is right and a hint (str)
        when not; an ``AssertionError`` is a hint too.

        Raises ``ValueError`` for an id that is not made of letters, digits, ``-`` and
        ``_``, or that another cell has defined (where the front end tells cells apart);
        ``TypeError`` for a check that takes no single argument.
        """
        if not isinstance(id, str) or not re.fullmatch(r"[\w-]+", id):
            raise ValueError(f"id is {id!r}, expected a name such as 'half-life'")

        def register(check):
            if not callable(check) or len(inspect.signature(check).parameters) != 1:
                raise TypeError(f"the check of exercise {id!r} must take one answer")
            cell = _cell()
            if cell and self._cells.get(id, cell) != cell:
                raise ValueError(
                    f"id is {id!r}, which another cell has defined; choose another, "
                    "or restart the kernel if the exercise was moved"
                )
            self._checks[id], self._cells[id] = check, cell
            return check

        return register


def _cell() -> str | None:
    """The id of the running cell, where the front end says it (JupyterLab does)."""
    parent = getattr(get_ipython(), "parent_header", None) or {}
    return parent.get("metadata", {}).get("cellId")


exercise = Exercises()
