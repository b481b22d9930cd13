"""Figures that compute in the page: one small ES module each."""

import base64
import hashlib
import html
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

from ..sliders import close_earlier, pixels, webp

FOLDER = Path(__file__).parent
MAX_BYTES, MAX_LINES, STATES = 150_000, 200, 20
LIVE_MIME = "application/vnd.book.live+json"
EXPORT = "export default { "

# The module's own text, with `export default` turned into a constant, then the mount.
# Copies of one figure on a page share a key; each script takes the first that is not on
# yet. The still picture goes only when the figure has been drawn.
PAGE = """<div class="live" data-live="{name}" data-key="{key}">{still}</div>
<script type="module">
{module}
{{
const el = document.querySelector('.live[data-key="{key}"]:not([data-on])');
const given = {given}, stage = document.createElement("div");
figure.render({{ model: {{ get: name => given[name] }}, el: stage }});
el.replaceChildren(stage);
Object.assign(el, {{ figure, data: given.data }}).dataset.on = "";
}}
</script>"""


def live(
    name: str,
    data: Any,
    *,
    alt: str,
    states: Sequence[Any],
    truth: Callable[[Any], Any],
    still: Figure | bytes,
) -> None:
    """Show the figure ``helpers/live/NAME.js``, which computes while the reader drags.

    In a kernel it is an anywidget, on a static page an inline script, without script
    a picture. What it computes is tested equal to the chapter's own Python:
    ``truth(state)`` is evaluated here, ``compute(data, state)`` in the browser by the
    tests.

    Parameters
    ----------
    name : the module's name; it exports ``default {compute, render}``.
    data : what the module is given, anything that JSON can hold.
    alt : what the figure shows, for readers who do not see it.
    states : 20 random states, each anything that JSON can hold.
    truth : ``truth(state)`` returns the numbers that ``compute(data, state)`` must
        return, a nested sequence or an array, finite.
    still : a matplotlib figure or the bytes of a PNG, shown where no script runs.

    Raises
    ------
    TypeError : ``truth`` is not callable, ``still`` is no picture, data or a state is
        no JSON.
    ValueError : an unknown name, a module of more than 200 lines or with an import, an
        empty ``alt``, not 20 states, a truth that is not finite, or more than 150 kB.
    """
    module = _module(name)
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(
            f"alt is {alt!r}, expected a sentence that says what the figure shows"
        )
    given = {"data": data, "alt": alt}
    text = _json("data", given).replace("<", "\\u003c")  # for a script element
    states = json.loads(_json("states", states if states is None else list(states)))
    if states is None or len(states) != STATES:
        count = "no" if states is None else len(states)
        raise ValueError(f"states has {count} states, expected {STATES}")
    if not callable(truth):
        raise TypeError(f"truth is {truth!r}, expected a function of a state")
    tested = {"name": name, "states": states, "expected": []}
    for state in states:
        tested["expected"].append(_numbers(truth(state), state))
    page = _page(name, module, text, _picture(still, alt))
    for what, kept in (("page", page), ("states and expected", json.dumps(tested))):
        if (size := len(kept.encode())) > MAX_BYTES:
            raise ValueError(
                f"{name}: {what} take {size // 1000} kB, "
                f"expected at most {MAX_BYTES // 1000} kB"
            )
    bundle = {"text/plain": alt, "text/html": page, LIVE_MIME: tested}
    if view := _widget(module, given):
        bundle["application/vnd.jupyter.widget-view+json"] = view
    display(bundle, raw=True)


def _module(name: str) -> str:
    """The module's text; refuses what the page could not hold inline."""
    there = sorted(path.stem for path in FOLDER.glob("*.js"))
    if name not in there:
        raise ValueError(f"name is {name!r}, expected one of {', '.join(there)}")
    text = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise ValueError(
            f"{name}.js has {len(lines)} lines, expected at most {MAX_LINES}"
        )
    if any(line.startswith("import") for line in lines):
        raise ValueError(f"{name}.js has an import, expected a module without any")
    exports = [line for line in lines if line.startswith("export")]
    if len(exports) != 1 or not exports[0].startswith(EXPORT):
        raise ValueError(
            f"{name}.js exports {exports}, expected {EXPORT}compute, render }}"
        )
    if "</script" in text or "<!--" in text:
        raise ValueError(f"{name}.js names script markup, expected none")
    return text


def _json(what: str, value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what}: {error}; expected what JSON can hold") from error


def _numbers(value: Any, state: Any) -> Any:
    """Nested lists of numbers, rounded far below what the browser test compares."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, (list, tuple)):
        return [_numbers(part, state) for part in value]
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"truth of {state} has {value!r}, expected finite numbers")
    return float(f"{value:.10g}")


def _picture(still: Figure | bytes, alt: str) -> str:
    """The picture where no script runs, as an image element."""
    if isinstance(still, Figure):
        plt.close(still)  # or the inline backend shows it a second time
        image = pixels(still)
    elif isinstance(still, bytes) and still.startswith(b"\x89PNG"):
        image = Image.open(io.BytesIO(still)).convert("RGB")
    else:
        raise TypeError(
            f"still is {type(still).__name__}, "
            "expected a matplotlib Figure or PNG bytes"
        )
    coded = base64.b64encode(webp(image)).decode()
    return (
        f'<img src="data:image/webp;base64,{coded}" width="{image.width}" '
        f'height="{image.height}" alt="{html.escape(alt)}" '
        f'style="max-width:100%;height:auto">'
    )


def _page(name: str, module: str, given: str, still: str) -> str:
    """The figure for a page without kernel."""
    inline = module.replace(f"\n{EXPORT}", "\nconst figure = { ", 1)
    key = hashlib.sha256((inline + given).encode()).hexdigest()[:12]
    return PAGE.format(name=name, key=key, still=still, module=inline, given=given)


def _widget(module: str, given: dict) -> dict | None:
    """The anywidget half; ``None`` where anywidget is missing."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None

    class Live(anywidget.AnyWidget):
        _esm = module
        data = traitlets.Any().tag(sync=True)
        alt = traitlets.Unicode().tag(sync=True)

    figure = Live(**given)
    close_earlier(given["alt"], [figure])
    return {"version_major": 2, "version_minor": 0, "model_id": figure.model_id}
