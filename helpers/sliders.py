"""One call, two sliders: live in a kernel, and a working one in plain HTML without any."""

import base64
import hashlib
import html
import inspect
import io
import itertools
import json

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image, ImageChops, ImageStat

MAX_VALUES, MAX_BYTES = 25, 400_000
GREEK = dict(
    alpha="α", beta="β", gamma="γ", delta="δ", epsilon="ε", eta="η", theta="θ", kappa="κ",
    lam="λ", lambda_="λ", mu="μ", nu="ν", rho="ρ", sigma="σ", tau="τ", phi="φ", omega="ω",
)

# All frames stand in one picture, one below the other: lossless WebP then stores only what differs
# between them. The page opens with a picture of the first frame alone, which also a reader without
# script or style sees. At the first touch the strip takes its place and is moved behind the window.
# The frame's number counts through the sliders like the digits of a number, the last one fastest.
SCRIPT = """(() => {
const root = document.getElementById("ID"), img = root.querySelector("img"), alt = img.alt;
const values = VALUES, inputs = [...root.querySelectorAll("input")];
const last = values.reduce((n, v) => n * v.length, 1) - 1;
const arm = () => {
  if (img.style.objectFit) return;
  Object.assign(img.style, {aspectRatio: "RATIO", objectFit: "cover", objectPosition: "0 0"});
  img.src = "data:image/webp;base64,STRIP";
};
["pointerover", "focusin"].forEach(e => root.addEventListener(e, arm, {once: true}));
const show = () => {
  arm();
  let frame = 0;
  const said = inputs.map((input, k) => {
    const text = values[k][+input.value];
    frame = frame * values[k].length + +input.value;
    input.setAttribute("aria-valuetext", text);
    input.nextElementSibling.textContent = text;
    return input.dataset.name + " = " + text;
  });
  img.style.objectPosition = "0 " + 100 * frame / last + "%";
  img.alt = alt + " (" + said.join(", ") + ")";
};
inputs.forEach(input => { input.disabled = false; input.value = 0; input.addEventListener("input", show); });
})();"""


def explore(draw, *, alt, **sliders):
    """Show ``draw(**values)`` under one slider per keyword; live with a kernel, moving without.

    Parameters
    ----------
    draw : callable returning a ``matplotlib.figure.Figure``; called once for every point of the
        slider grid, and again, live, whenever the reader moves a slider in a running notebook.
    alt : str, what the picture shows, for readers who do not see it.
    **sliders : the values of each slider, 2 to 25 numbers or strings, the first one shown first.
        Names of Greek letters are shown as letters.

    Raises
    ------
    TypeError : ``draw`` is not callable, does not take the sliders, or returns no figure.
    ValueError : an empty ``alt``, no slider, a slider with fewer than 2 or more than 25 values, or
        frames of more than 400 kB together.
    """
    grid = _check(draw, alt, sliders)
    points = list(_points(grid))
    opening = _figure(draw, points[0])
    boxes = _boxes(opening, _figure(draw, points[-1]))
    frames = [_pixels(_figure(draw, values), boxes) for values in points]
    strip = _webp(_stack(frames))
    if (size := len(strip) * 4 // 3) > MAX_BYTES:
        raise ValueError(
            f"the {len(frames)} frames take {size // 1000} kB, expected at most "
            f"{MAX_BYTES // 1000} kB: fewer values or a plainer picture"
        )
    bundle = {
        "text/plain": f"{alt} [{', '.join(grid)}]",
        "text/html": _static(alt, grid, strip, frames[0], _is_photo(opening)),
    }
    if view := _live(draw, grid, frames[0], boxes):
        bundle["application/vnd.jupyter.widget-view+json"] = view
    display(bundle, raw=True)


def _check(draw, alt, sliders):
    if not callable(draw):
        raise TypeError(f"draw is {draw!r}, expected a function that returns a figure")
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt is {alt!r}, expected a sentence that says what the picture shows")
    if not sliders:
        raise ValueError("no slider given, expected at least one, such as eta=[0.1, 0.5, 1.0]")
    grid = {}
    for name, values in sliders.items():
        if isinstance(values, str) or not hasattr(values, "__iter__"):
            raise ValueError(f"slider {name} is {values!r}, expected a list of values")
        values = [v.item() if hasattr(v, "item") else v for v in values]
        if not 2 <= len(values) <= MAX_VALUES:
            raise ValueError(f"slider {name} has {len(values)} values, expected 2 to {MAX_VALUES}")
        grid[name] = values
    try:
        inspect.signature(draw).bind(**{name: values[0] for name, values in grid.items()})
    except TypeError as error:
        raise TypeError(f"draw does not take the sliders {', '.join(grid)}: {error}") from error
    return grid


def _points(grid):
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values))


def _figure(draw, values):
    figure = draw(**values)
    if not isinstance(figure, Figure):
        raise TypeError(f"draw returned {type(figure).__name__}, expected a matplotlib Figure")
    plt.close(figure)  # or the inline backend shows it a second time
    return figure


def _boxes(*figures):
    """Where the axes stand, so that they stand still from frame to frame: room for each figure."""
    places = []
    for figure in figures:
        figure.draw_without_rendering()
        places.append([ax.get_position().extents for ax in figure.axes])
    if len({len(place) for place in places}) > 1:
        return []
    low, high = np.max(places, axis=0), np.min(places, axis=0)
    return [Bbox.from_extents(*a[:2], *b[2:]) for a, b in zip(low, high)]


def _pixels(figure, boxes):
    if len(boxes) == len(figure.axes):
        figure.set_layout_engine("none")
        for ax, box in zip(figure.axes, boxes):
            ax.set_position(box)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _is_photo(figure):
    """Colour or grey-value pictures, which dark mode must not turn into negatives."""
    images = [image for ax in figure.axes for image in ax.images]
    return any(i.get_array().ndim == 3 or i.get_cmap().name == "gray" for i in images)


def _stack(frames):
    sizes = {frame.size for frame in frames}
    if len(sizes) > 1:
        raise ValueError(f"draw returned figures of sizes {sorted(sizes)}, expected one size")
    width, height = sizes.pop()
    if height * len(frames) > 16383:  # the limit of WebP
        raise ValueError(f"{len(frames)} frames of {height} pixels, expected 16383 pixels in all")
    strip = Image.new("RGB", (width, height * len(frames)))
    for k, frame in enumerate(frames):
        strip.paste(frame, (0, k * height))
    return strip


def _webp(image):
    """Drawings as 48 flat colours without loss; photographs and heat maps, which suffer, with."""
    flat, out = image.quantize(48, dither=Image.Dither.NONE).convert("RGB"), io.BytesIO()
    if max(ImageStat.Stat(ImageChops.difference(image, flat)).rms) < 3:
        flat.save(out, "WEBP", lossless=True, quality=100, method=2)
    else:
        image.save(out, "WEBP", quality=75, method=4)
    return out.getvalue()


def _png(image):
    """Quick to make: a live slider redraws while it is being dragged."""
    out = io.BytesIO()
    image.quantize(128, dither=Image.Dither.NONE).save(out, "PNG")
    return out.getvalue()


def _label(name):
    return GREEK.get(name, name.replace("_", " "))


def _shown(value):
    return value if isinstance(value, str) else f"{value:.4g}".replace("-", "−")


def _static(alt, grid, strip, first, photo):
    """The picture under native range inputs, disabled until the script that serves them has run."""
    coded, still = (base64.b64encode(b).decode() for b in (strip, _webp(first)))
    texts = [[_shown(v) for v in values] for values in grid.values()]
    id = "explore-" + hashlib.sha256((alt + coded).encode()).hexdigest()[:12]
    rows = []
    for name, values in zip(grid, texts):
        label, shown = html.escape(_label(name)), html.escape(values[0])
        rows.append(
            f'<label><span class="name">{label}</span>'
            f'<input type="range" min="0" max="{len(values) - 1}" step="1" value="0" disabled '
            f'data-name="{label}" aria-valuetext="{shown}"><output>{shown}</output></label>'
        )
    values = json.dumps(texts, ensure_ascii=False).replace("</", "<\\/")
    width, height = first.size
    script = SCRIPT.replace("ID", id).replace("VALUES", values)
    script = script.replace("RATIO", f"{width}/{height}").replace("STRIP", coded)
    return (
        f'<div class="explore" id="{id}"><div class="controls">{"".join(rows)}</div>'
        f'<img src="data:image/webp;base64,{still}" width="{width}" height="{height}" '
        f'{"class=photo " if photo else ""}decoding="sync" alt="{html.escape(alt)}" style="max-width:100%;height:auto">'
        f"<script>{script}</script></div>"
    )


def _live(draw, grid, first, boxes):
    """The ipywidgets half; ``None`` where ipywidgets or a kernel is missing."""
    try:
        import ipywidgets as widgets
    except ImportError:
        return None
    picture = widgets.Image(value=_png(first), format="png", layout=widgets.Layout(max_width="100%"))
    controls = {
        name: widgets.SelectionSlider(
            options=[(_shown(v), v) for v in values], value=values[0], description=_label(name),
            continuous_update=True, layout=widgets.Layout(width="min(100%, 30rem)"),
        )
        for name, values in grid.items()
    }

    def redraw(_):
        figure = _figure(draw, {name: control.value for name, control in controls.items()})
        picture.value = _png(_pixels(figure, boxes))

    for control in controls.values():
        control.observe(redraw, names="value")
    box = widgets.VBox([*controls.values(), picture])
    return {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
