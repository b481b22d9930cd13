"""One call, two sliders: live in a kernel, and a working one in plain HTML without."""

import base64
import hashlib
import html
import inspect
import io
import itertools
import json
import math
import string
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image, ImageChops, ImageStat

MAX_VALUES, MAX_BYTES = 25, 400_000
MAX_HEIGHT = 16_383  # pixels, the limit of WebP
KEYS = 'data-lm-suppress-shortcuts="true"'  # JupyterLab leaves us the arrow keys

# All frames stand in one picture, one below the other: lossless WebP then stores only
# what differs between them. The page opens with a picture of one frame alone, that of
# the values given first, which also a reader without script or style sees. At the first
# touch the strip takes its place and is moved behind the window. The frame's number
# counts through the sliders like the digits of a number, the last one fastest. Copies
# of one slider on a page share a key; each script takes the first that is not on yet.
SCRIPT = string.Template("""(() => {
const root = document.querySelector('.explore[data-key="$key"]:not([data-on])');
const img = root.querySelector("img"), alt = img.alt;
const values = $values, inputs = [...root.querySelectorAll("input")];
const last = values.reduce((n, v) => n * v.length, 1) - 1;
const place = () => {
  let frame = 0;
  inputs.forEach((input, k) => { frame = frame * values[k].length + +input.value; });
  img.style.objectPosition = "0 " + 100 * frame / last + "%";
};
const arm = () => {
  if (img.style.objectFit) return;
  const ratio = img.getAttribute("width") + "/" + img.getAttribute("height");
  Object.assign(img.style, {aspectRatio: ratio, objectFit: "cover"});
  place();
  img.src = "data:image/webp;base64,$strip";
};
["pointerover", "focusin"].forEach(e => root.addEventListener(e, arm, {once: true}));
const show = () => {
  arm();
  place();
  const said = inputs.map((input, k) => {
    const text = values[k][+input.value];
    input.setAttribute("aria-valuetext", text);
    input.nextElementSibling.textContent = text;
    return input.dataset.name + " = " + text;
  });
  img.alt = alt + " (" + said.join(", ") + ")";
};
inputs.forEach(input => {
  input.disabled = false; input.value = input.defaultValue;
  input.addEventListener("input", show);
});
root.dataset.on = "";
})();""")


def explore(draw: Callable[..., Figure], *, alt: str, **sliders: Iterable[Any]) -> None:
    """Show ``draw(**values)`` under one slider per keyword, with or without a kernel.

    Parameters
    ----------
    draw : callable returning a ``matplotlib.figure.Figure``; called once for every
        point of the slider grid, and again, live, whenever the reader moves a slider in
        a running notebook.
    alt : str, what the picture shows, for readers who do not see it.
    **sliders : the values of each slider, a sequence of 2 to 25 finite numbers or
        strings that look different. The slider starts at the first one; numbers rise
        from left to right, strings stand as they were given. Names of Greek letters
        are shown as letters.

    Raises
    ------
    TypeError : ``draw`` is not callable, does not take the sliders, or returns no
        figure.
    ValueError : an empty ``alt``, no slider, a slider whose values are none of the
        above, figures of more than one size, frames of more than 16383 pixels one below
        the other, or of more than 400 kB together.
    """
    given = _check(draw, alt, sliders)
    grid = {name: _in_order(values) for name, values in given.items()}
    points = list(_points(grid))
    start = points.index(next(_points(given)))
    opening = _figure(draw, points[0])
    height = FigureCanvasAgg(opening).get_width_height()[1]
    if len(points) * height > MAX_HEIGHT:
        raise ValueError(
            f"{len(points)} frames of {height} pixels, "
            f"expected at most {MAX_HEIGHT} pixels in all"
        )
    closing = _figure(draw, points[-1])
    boxes = _boxes(opening, closing)
    if closing is opening:  # one figure that draw changes: it no longer is the first
        figures = (_figure(draw, values) for values in points)
    else:
        between = (_figure(draw, values) for values in points[1:-1])
        figures = itertools.chain([opening], between, [closing])
    frames = [pixels(figure, boxes) for figure in figures]
    strip = webp(_stack(frames))
    if (size := len(strip) * 4 // 3) > MAX_BYTES:
        raise ValueError(
            f"the {len(frames)} frames take {size // 1000} kB, expected at most "
            f"{MAX_BYTES // 1000} kB: fewer values or a plainer picture"
        )
    bundle = {
        "text/plain": f"{alt} [{', '.join(grid)}]",
        "text/html": _static(
            alt, grid, points[start], strip, frames[start], _is_photo(opening)
        ),
    }
    if view := _live(draw, alt, grid, points[start], frames[start], boxes):
        bundle["application/vnd.jupyter.widget-view+json"] = view
    display(bundle, raw=True)


def _check(draw: Any, alt: Any, sliders: dict[str, Any]) -> dict[str, list]:
    if not callable(draw):
        raise TypeError(f"draw is {draw!r}, expected a function that returns a figure")
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(
            f"alt is {alt!r}, expected a sentence that says what the picture shows"
        )
    if not sliders:
        raise ValueError(
            "no slider given, expected at least one, such as eta=[0.1, 0.5, 1.0]"
        )
    grid = {name: _values(name, values) for name, values in sliders.items()}
    try:
        inspect.signature(draw).bind(**{name: v[0] for name, v in grid.items()})
    except TypeError as error:
        raise TypeError(
            f"draw does not take the sliders {', '.join(grid)}: {error}"
        ) from error
    return grid


def _values(name: str, values: Any) -> list:
    """A slider's values as Python's own numbers and strings; refuses all others."""
    unordered = (str, bytes, bytearray, set, frozenset, dict)
    try:
        read = list(itertools.islice(values, MAX_VALUES + 1))
    except TypeError:
        read = None
    if read is None or isinstance(values, unordered):
        raise ValueError(f"slider {name} is {values!r}, expected a list of values")
    read = [v.item() if getattr(v, "ndim", None) == 0 else v for v in read]
    if not 2 <= len(read) <= MAX_VALUES:
        count = f"more than {MAX_VALUES}" if len(read) > MAX_VALUES else len(read)
        raise ValueError(
            f"slider {name} has {count} values, expected 2 to {MAX_VALUES}"
        )
    for value in read:
        number = isinstance(value, (int, float)) and math.isfinite(value)
        if not number and not isinstance(value, str):
            raise ValueError(
                f"slider {name} has the value {value!r}, "
                "expected finite numbers or strings"
            )
    if len(set(labels := [_shown(v) for v in read])) < len(read):
        raise ValueError(
            f"slider {name} shows {', '.join(labels)}, expected different labels: "
            "pass strings to choose them"
        )
    return read


def _in_order(values: list) -> list:
    """Numbers rising, all else as it was given."""
    numbers = not any(isinstance(v, (str, bool)) for v in values)
    return sorted(values) if numbers else values


def _points(grid: dict[str, list]) -> Iterator[dict]:
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def _figure(draw: Callable, values: dict) -> Figure:
    """What ``draw`` returns; closed, or the inline backend shows it a second time."""
    before = set(plt.get_fignums())
    try:
        figure = draw(**values)
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)
    if not isinstance(figure, Figure):
        raise TypeError(
            f"draw returned {type(figure).__name__}, expected a matplotlib Figure"
        )
    plt.close(figure)
    return figure


def _boxes(*figures: Figure) -> list[Bbox]:
    """Where the axes stand still from frame to frame, with room for each figure.

    Empty, which leaves the layout to each figure, where there is no such place.
    """
    places = []
    for figure in figures:
        titles = [(text, text.get_position()) for text in figure.texts]
        figure.draw_without_rendering()
        places.append([ax.get_position().extents for ax in figure.axes])
        for text, position in titles:  # the layout has moved them in these figures only
            text.set_position(position)
    if len({len(place) for place in places}) > 1:
        return []
    low, high = np.max(places, axis=0), np.min(places, axis=0)
    boxes = [Bbox.from_extents(*a[:2], *b[2:]) for a, b in zip(low, high, strict=True)]
    return boxes if all(box.width > 0 and box.height > 0 for box in boxes) else []


def pixels(figure: Figure, boxes: list[Bbox] = ()) -> Image.Image:
    """The figure as a picture, its axes standing in the boxes if there are any."""
    if boxes and len(boxes) == len(figure.axes):
        figure.set_layout_engine("none")
        for ax, box in zip(figure.axes, boxes, strict=True):
            ax.set_position(box)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _is_photo(figure: Figure) -> bool:
    """Colour or grey-value pictures, which dark mode must not turn into negatives."""
    images = [image for ax in figure.axes for image in ax.images]
    return any(i.get_array().ndim == 3 or i.get_cmap().name == "gray" for i in images)


def _stack(frames: list[Image.Image]) -> Image.Image:
    sizes = {frame.size for frame in frames}
    if len(sizes) > 1:
        raise ValueError(
            f"draw returned figures of sizes {sorted(sizes)}, expected one size"
        )
    width, height = sizes.pop()
    strip = Image.new("RGB", (width, height * len(frames)))
    for k, frame in enumerate(frames):
        strip.paste(frame, (0, k * height))
    return strip


def webp(image: Image.Image) -> bytes:
    """Drawings as 48 flat colours without loss; photographs and heat maps with."""
    flat = image.quantize(48, dither=Image.Dither.NONE).convert("RGB")
    out = io.BytesIO()
    if max(ImageStat.Stat(ImageChops.difference(image, flat)).rms) < 3:
        flat.save(out, "WEBP", lossless=True, quality=100, method=0)
    else:
        image.save(out, "WEBP", quality=75, method=2)
    return out.getvalue()


def _png(image: Image.Image) -> bytes:
    """Quick to make: a live slider redraws while it is being dragged."""
    out = io.BytesIO()
    image.quantize(128, dither=Image.Dither.NONE).save(out, "PNG")
    return out.getvalue()


def _label(name: str) -> str:
    """The name as words, or as the Greek letter that it names."""
    word = name.rstrip("_")
    word = "lamda" if word in ("lam", "lambda") else word  # as Unicode spells it
    try:
        letter = unicodedata.lookup(f"GREEK SMALL LETTER {word}")
    except KeyError:
        letter = ""
    greek = word.islower() and "α" <= letter <= "ω"
    return letter if greek else name.replace("_", " ")


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    shown = f"{value:.4g}" if isinstance(value, float) else str(value)
    return shown.replace("-", "−")


def _image(data: str, size: tuple[int, int], alt: str, photo: bool = False) -> str:
    width, height = size
    return (
        f'<img src="data:image/{data}" width="{width}" height="{height}" '
        f'{"class=photo " if photo else ""}decoding="sync" alt="{html.escape(alt)}" '
        f'style="max-width:100%;height:auto">'
    )


def _static(
    alt: str,
    grid: dict[str, list],
    start: dict[str, Any],
    strip: bytes,
    first: Image.Image,
    photo: bool,
) -> str:
    """The picture under native range inputs, disabled until their script has run."""
    coded, still = (base64.b64encode(b).decode() for b in (strip, webp(first)))
    texts = [[_shown(v) for v in values] for values in grid.values()]
    rows = []
    for name, values in grid.items():
        label, shown = html.escape(_label(name)), html.escape(_shown(start[name]))
        rows.append(
            f'<label><span class="name">{label}</span>'
            f'<input type="range" min="0" max="{len(values) - 1}" step="1" '
            f'value="{values.index(start[name])}" '
            f'disabled {KEYS} data-name="{label}" aria-valuetext="{shown}">'
            f'<output aria-live="off">{shown}</output></label>'
        )
    values = json.dumps(texts, ensure_ascii=False).replace("<", "\\u003c")
    key = hashlib.sha256("".join([alt, values, *rows, coded]).encode()).hexdigest()[:12]
    script = SCRIPT.substitute(key=key, values=values, strip=coded)
    return (
        f'<div class="explore" data-key="{key}">'
        f'<div class="controls">{"".join(rows)}</div>'
        f"{_image('webp;base64,' + still, first.size, alt, photo)}"
        f"<script>{script}</script></div>"
    )


def _live(
    draw: Callable,
    alt: str,
    grid: dict[str, list],
    start: dict[str, Any],
    first: Image.Image,
    boxes: list[Bbox],
) -> dict | None:
    """The ipywidgets half; ``None`` where ipywidgets is missing."""
    try:
        import ipywidgets as widgets
    except ImportError:
        return None

    def picture_of(image: Image.Image, values: dict) -> str:
        said = ", ".join(f"{_label(n)} = {_shown(v)}" for n, v in values.items())
        coded = base64.b64encode(_png(image)).decode()
        return _image(f"png;base64,{coded}", image.size, f"{alt} ({said})")

    picture = widgets.HTML(picture_of(first, start))
    controls = {
        name: widgets.SelectionSlider(
            options=[(_shown(v), v) for v in values],
            value=start[name],
            description=_label(name),
            continuous_update=True,
            layout=widgets.Layout(width="min(100%, 30rem)"),
        )
        for name, values in grid.items()
    }

    def redraw(_: dict) -> None:
        values = {name: control.value for name, control in controls.items()}
        try:
            image = pixels(_figure(draw, values), boxes)
            picture.value = picture_of(image, values)
        except Exception as error:  # the reader's own draw: say it where they look
            text = html.escape(f"{type(error).__name__}: {error}")
            picture.value = f'<pre role="alert">{text}</pre>'

    for control in controls.values():
        control.observe(redraw, names="value")
    box = widgets.VBox([*controls.values(), picture])
    close_earlier(alt, [box, *box.children])
    return {"version_major": 2, "version_minor": 0, "model_id": box.model_id}


_alive: dict[str, list] = {}  # the widgets of a figure by its alt text


def close_earlier(alt: str, widgets: list) -> None:
    """Close what an earlier run of the same cell has left alive, and remember these."""
    for widget in _alive.pop(alt, []):
        for part in (widget, widget.layout, getattr(widget, "style", None)):
            if part is not None:
                part.close()
    _alive[alt] = widgets
