"""Exercises that answer back: not answered yet, right, or a hint."""

import html
import inspect

from IPython.display import display

_CHECKS = {}


class Exercise:
    """One exercise. ``check(answer)`` shows the verdict; ``verdict(answer)`` returns it."""

    def __init__(self, id, check):
        self.id, self._check = id, check

    def verdict(self, answer):
        """``(state, message)`` with state "open", "right" or "not yet".

        ``...`` counts as unanswered. An exception raised by the answer becomes the hint, so that a
        half-written function never stops the notebook.
        """
        if answer is ...:
            return "open", "not answered yet"
        try:
            said = self._check(answer)
        except AssertionError as error:
            said = str(error) or "that is not it yet"
        except Exception as error:  # the reader's own code may raise anything
            said = f"your answer raised {type(error).__name__}: {error}"
        if said is None or said is True:
            return "right", "right"
        return "not yet", said if isinstance(said, str) else "that is not it yet"

    def check(self, answer):
        """Show the verdict on ``answer`` (``...`` means: not answered yet)."""
        state, message = self.verdict(answer)
        mark = {"open": "○", "right": "✓", "not yet": "→"}[state]
        display(
            {
                "text/plain": f"{mark} {self.id}: {message}",
                "text/html": f'<div class="exercise-verdict" data-state="{state}">{mark} '
                f"<code>{html.escape(self.id)}</code>: {html.escape(message)}</div>",
            },
            raw=True,
        )


def exercise(id):
    """The exercise of that name, defined earlier in the notebook with ``@exercise.define(id)``.

    Raises ``ValueError`` for an unknown id, naming those that are known.
    """
    if id not in _CHECKS:
        known = ", ".join(sorted(_CHECKS)) or "none is defined yet: run the cells above"
        raise ValueError(f"id is {id!r}, expected one of the exercises defined so far ({known})")
    return Exercise(id, _CHECKS[id])


def define(id):
    """Register ``check(answer)`` under ``id``.

    The check returns ``True`` or ``None`` when the answer is right and a hint (str) when not; an
    ``AssertionError`` is a hint too. Its own errors are reported to the reader as the answer's, so
    it should only call what the answer provides.

    Raises ``ValueError`` for an empty id, ``TypeError`` for a check that takes no single argument.
    """
    if not isinstance(id, str) or not id.strip():
        raise ValueError(f"id is {id!r}, expected a name such as 'half-life'")

    def register(check):
        if not callable(check) or len(inspect.signature(check).parameters) != 1:
            raise TypeError(f"the check of exercise {id!r} must be a function of one answer")
        _CHECKS[id] = check
        return check

    return register


exercise.define = define
