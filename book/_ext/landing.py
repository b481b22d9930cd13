"""The landing page: each chapter's question with a picture, and paths through the book.

What is told of a chapter stands in ``book/chapters.yml``; pictures and minutes come
from the executed chapters.
"""

import contextlib
import html
import os
import pathlib
import re
import textwrap
from dataclasses import dataclass

import yaml
from sphinx.application import Sphinx
from sphinx.util import logging

from chapters import Chapter, chapters, frame_of, minutes_to_read, slider_of
from harvest import FromBookHtml

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Size:
    """Of a chapter's box, and from box to box, in pixels; with or without its name."""

    wide: int
    high: int
    across: int
    down: int
    names: bool


FULL = Size(100, 48, 119, 58, True)
SMALL = Size(36, 30, 63, 40, False)  # for phones


def columns(builds_on: dict[str, list[str]]) -> list[list[str]]:
    """Chapters by depth: each right of all that it builds on, near their mean height.

    Raises ``ValueError`` when one builds on an unlisted chapter, or in a circle.
    """
    depth: dict[str, int] = {}
    while len(depth) < len(builds_on):
        ready = [
            c
            for c in builds_on
            if c not in depth and all(b in depth for b in builds_on[c])
        ]
        if not ready:
            rest = sorted(builds_on.keys() - depth)
            raise ValueError(f"{rest} build on unknown chapters or in a circle")
        depth |= {
            c: 1 + max((depth[b] for b in builds_on[c]), default=-1) for c in ready
        }
    layers: list[list[str]] = [[] for _ in range(1 + max(depth.values()))]
    height: dict[str, float] = {}
    for column, layer in enumerate(layers):
        layer += [c for c in builds_on if depth[c] == column]
        means = {
            c: sum(height[b] for b in builds_on[c]) / max(1, len(builds_on[c]))
            for c in layer
        }
        layer.sort(key=means.__getitem__)
        height |= {c: row - (len(layer) - 1) / 2 for row, c in enumerate(layer)}
    return layers


def nearest(builds_on: dict[str, list[str]]) -> dict[str, list[str]]:
    """What each chapter builds on, without what that builds on in its turn."""

    def before(chapter: str) -> set[str]:
        return {b for a in builds_on[chapter] for b in (a, *before(a))}

    return {
        chapter: [b for b in below if not any(b in before(a) for a in below)]
        for chapter, below in builds_on.items()
    }


def places(layers: list[list[str]], size: Size = FULL) -> dict[str, tuple[int, int]]:
    """The upper left corner of each chapter's box, in pixels."""
    tallest = max(map(len, layers))
    return {
        chapter: (
            2 + column * size.across,
            2 + int((row + (tallest - len(layer)) / 2) * size.down),
        )
        for column, layer in enumerate(layers)
        for row, chapter in enumerate(layer)
    }


class Told(FromBookHtml):
    """A directive that knows the chapters and what is told of them."""

    def told(self) -> tuple[dict, dict[str, Chapter]]:
        told = yaml.safe_load(self.read("book/chapters.yml"))
        found = {c.doc.rpartition("/")[2]: c for c in self.chapters() if c.number}
        if unknown := set(found) ^ set(told["chapters"]):
            logger.warning(
                "book/chapters.yml and _toc.yml differ in %s", sorted(unknown)
            )
        told["chapters"] = {k: v for k, v in told["chapters"].items() if k in found}
        return told, found


class Questions(Told):
    def html(self) -> str:
        told, found = self.told()
        cards = [
            self.card(found[name], what) for name, what in told["chapters"].items()
        ]
        return f'<div class="questions">\n{"".join(cards)}</div>'

    def card(self, chapter: Chapter, what: dict) -> str:
        slider = slider_of(chapter.notebook, what["slider"])
        try:
            frame_of(slider, what.get("frame", 0))
        except ValueError as error:
            logger.warning(
                "book/chapters.yml, %s, %r: %s", chapter.doc, what["slider"], error
            )
        photo = " photo" if re.search(r"class=\"?photo", slider) else ""
        minutes = minutes_to_read(chapter.notebook)
        question = html.escape(what["question"])
        top = self.page("index").removesuffix("index.html")
        alt = html.escape(what["slider"])
        return (
            f'<div class="question"><img class="frame{photo}" alt="{alt}" '
            f'src="{top}_images/{image_name(chapter)}" '
            'width="748" height="340" loading="lazy">'
            f'<p class="of">{html.escape(chapter.label)} · {minutes} min</p>'
            f'<p><a href="{self.page(chapter.doc)}">{question}</a></p></div>\n'
        )


class Paths(Told):
    """The graph of what builds on what, where a choice lights up one path."""

    def html(self) -> str:
        told, found = self.told()
        paths = told["paths"]
        choices = [
            ("all", "the whole book"),
            *((k, v["name"]) for k, v in paths.items()),
        ]
        radios = "".join(
            f'<label><input type="radio" name="path" value="{key}"'
            f"{' checked' * (key == 'all')}> {html.escape(name)}</label>"
            for key, name in choices
        )
        said = "".join(
            f'<p class="path {key}"><strong>{html.escape(path["name"])}.</strong> '
            f"{html.escape(path['says'])} "
            f"{self.steps(path['chapters'], told, found)}</p>"
            for key, path in paths.items()
        )
        return (
            f'<div class="paths"><fieldset><legend>Show</legend>{radios}</fieldset>'
            '<div class="graph" tabindex="0" role="group" '
            'aria-label="What builds on what">'
            f"{self.graph(told, found, FULL)}{self.graph(told, found, SMALL)}</div>"
            f"{said}</div>"
        )

    def steps(self, names: list[str], told: dict, found: dict[str, Chapter]) -> str:
        links = [
            f'<a href="{self.page(found[name].doc)}">{found[name].number}&nbsp;'
            f"{html.escape(told['chapters'][name]['short']).replace(' ', '&nbsp;')}</a>"
            for name in names
        ]
        hours = sum(minutes_to_read(found[name].notebook) for name in names) / 60
        return " → ".join(links) + f". About {hours:.0f} hours of reading."

    def graph(self, told: dict, found: dict[str, Chapter], size: Size) -> str:
        builds_on = {name: what["builds_on"] for name, what in told["chapters"].items()}
        at = places(columns(builds_on), size)
        on = {
            name: {
                key for key, path in told["paths"].items() if name in path["chapters"]
            }
            for name in builds_on
        }
        edges = [
            f'<path class="{" ".join(sorted(on[a] & on[b]))}" '
            f'd="{curve(at[a], at[b], size)}"/>'
            for b, below in nearest(builds_on).items()
            for a in below
        ]
        boxes = []
        for name, (x, y) in at.items():
            chapter, short = found[name], html.escape(told["chapters"][name]["short"])
            text = f'<text x="{x + 9}" y="{y + 20}">{chapter.number}</text>'
            if size.names:
                lines = textwrap.wrap(f"{chapter.number} {short}", 16)
                high = y + size.high / 2 - 6 * len(lines) + 4
                text = "".join(
                    f'<text x="{x + 7}" y="{high + 13 * k:g}">{line}</text>'
                    for k, line in enumerate(lines)
                )
                text += (
                    f'<text class="minutes" x="{x + 7}" y="{high + 13 * len(lines):g}">'
                    f"{minutes_to_read(chapter.notebook)} min</text>"
                )
            boxes.append(
                f'<a class="{" ".join(sorted(on[name]))}" '
                f'href="{self.page(chapter.doc)}" '
                f'aria-label="{chapter.number} {short}">'
                f'<rect x="{x}" y="{y}" width="{size.wide}" '
                f'height="{size.high}" rx="6"/>{text}</a>'
            )
        width = max(x for x, _ in at.values()) + size.wide + 2
        height = max(y for _, y in at.values()) + size.high + 2
        return (
            f'<svg class="{"full" if size.names else "small"}" '
            f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
            f"{''.join(edges)}{''.join(boxes)}</svg>"
        )


class Keep(FromBookHtml):
    """Where the book for paper and the one for a plane are, if it has an address."""

    def html(self) -> str:
        home = os.environ.get("BOOK_PAGES")
        if not home:
            return ""
        file = f"{home}deep-learning-run"
        return (
            f'<p>To keep: <a href="{file}.pdf">the book as one PDF</a> · '
            f'<a href="{file}.zip">the book to read without network</a> '
            "(unzip it, open index.html).</p>"
        )


def curve(a: tuple[int, int], b: tuple[int, int], size: Size = FULL) -> str:
    """An edge from the right side of box ``a`` to the left side of box ``b``."""
    x, y, u, v = a[0] + size.wide, a[1] + size.high // 2, b[0], b[1] + size.high // 2
    bend = min(30, u - x)
    return f"M{x} {y}C{x + bend} {y} {u - bend} {v} {u} {v}"


def image_name(chapter: Chapter) -> str:
    return f"question-{chapter.number:02d}.webp"


def write_pictures(app: Sphinx, exception: Exception | None) -> None:
    """A frame of each chapter's slider, as a file: the landing page stays light."""
    if exception or app.builder.format != "html":
        return
    root = pathlib.Path(app.srcdir)
    if not (root / "book/chapters.yml").exists():
        return
    told = yaml.safe_load((root / "book/chapters.yml").read_text(encoding="utf-8"))[
        "chapters"
    ]
    folder = pathlib.Path(app.outdir) / "_images"
    folder.mkdir(exist_ok=True)
    for chapter in chapters(root):
        what = told.get(chapter.doc.rpartition("/")[2], {})
        slider = slider_of(chapter.notebook, what.get("slider", "no picture"))
        with contextlib.suppress(ValueError):  # the directive has warned of it
            picture = frame_of(slider, what.get("frame", 0))
            picture.save(folder / image_name(chapter), "WEBP", quality=85, method=4)


def setup(app: Sphinx) -> dict:
    app.add_directive("questions", Questions)
    app.add_directive("paths", Paths)
    app.add_directive("keep", Keep)
    app.connect("build-finished", write_pictures)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
