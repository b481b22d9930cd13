"""What the executed chapters hold: targets, claims, headlines, sliders, words."""

import base64
import functools
import html
import io
import json
import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import Image

CLAIM = "application/vnd.book.claim+json"
HEADLINE = "application/vnd.book.headline+json"
TARGET = re.compile(r"^\(([\w.-]+)\)=\s*$", re.M)
PICTURE = re.compile(r"data:image/(?:webp|png);base64,([A-Za-z0-9+/=]+)")
FOLDED = {"set-up", "picture", "checks", "remove-cell"}
WORDS_A_MINUTE, LINES_A_MINUTE = (
    180,
    12,
)  # prose with formulas; code that is read closely


@dataclass
class Claim:
    """One check: its number in the chapter, the target above it, what was stored."""

    number: int
    target: str
    data: dict
    headline: dict | None = None


@dataclass
class Chapter:
    """An executed notebook. ``doc`` is its page; ``number`` is 0 for the appendix."""

    doc: str
    number: int
    notebook: dict = field(repr=False)

    @property
    def label(self) -> str:
        return f"{self.number} {self.title}" if self.number else self.title

    @property
    def title(self) -> str:
        return title_of(self.notebook)


def chapters(root: pathlib.Path) -> list[Chapter]:
    """The chapters of the table of contents, in its order, the appendix (99) last."""
    toc = (root / "_toc.yml").read_text(encoding="utf-8")
    found = []
    for doc in re.findall(r"^\s*- file: (notebooks/\S+)", toc, re.M):
        path = root / f"{doc}.ipynb"
        if path.exists():
            number = int(path.name[:2])
            notebook = _read(path, path.stat().st_mtime_ns)
            found.append(Chapter(doc, number if number < 99 else 0, notebook))
    return sorted(found, key=lambda chapter: not chapter.number)


@functools.lru_cache(maxsize=64)
def _read(path: pathlib.Path, changed: int) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def source_of(cell: dict) -> str:
    return "".join(cell["source"])


def bundles(cell: dict) -> Iterator[dict]:
    """The mime bundles that a cell displays."""
    for output in cell.get("outputs", []):
        yield output.get("data", {})


def title_of(notebook: dict) -> str:
    """The first heading of level one in a text cell."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            if found := re.search(r"^# (.+)$", source_of(cell), re.M):
                return found[1].strip()
    return "Untitled"


def targets_of(notebook: dict) -> list[str]:
    """Every target `(id)=` of the text cells, in order."""
    texts = (source_of(c) for c in notebook["cells"] if c["cell_type"] == "markdown")
    return [target for text in texts for target in TARGET.findall(text)]


def is_concept(target: str) -> bool:
    """Targets that name a place of the chapter, not an idea, are no concepts."""
    return not (
        target.endswith(("-chapter", "-practice", "-shelf")) or "headline-" in target
    )


def claims_of(notebook: dict) -> list[Claim]:
    """Every claim, numbered from 1, with the last target that stands above it."""
    found, target = [], ""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            target = (TARGET.findall(source_of(cell)) or [target])[-1]
            continue
        for bundle in bundles(cell):
            if CLAIM in bundle:
                found.append(
                    Claim(len(found) + 1, target, bundle[CLAIM], bundle.get(HEADLINE))
                )
    return found


def slider_of(notebook: dict, words: str) -> str:
    """The HTML of the slider or live figure whose alt text has ``words``, or ""."""
    for cell in notebook["cells"]:
        for bundle in bundles(cell):
            found = "".join(bundle.get("text/html", ""))
            if re.search(
                r'class="(?:explore|live)\b', found
            ) and words in html.unescape(found):
                return found
    return ""


def frame_of(slider: str, number: int = 0) -> Image.Image:
    """Frame ``number`` of a slider's HTML, cut from its strip; 0: where it starts.

    Raises ``ValueError`` when the HTML holds no such picture.
    """
    pictures = [base64.b64decode(found) for found in PICTURE.findall(slider)]
    if not pictures:
        raise ValueError("no such slider, or one without a picture")
    first = Image.open(io.BytesIO(pictures[0])).convert("RGB")
    if not number:
        return first
    strip = Image.open(io.BytesIO(max(pictures, key=len))).convert("RGB")
    if (number + 1) * first.height > strip.height:
        frames = strip.height // first.height
        raise ValueError(f"frame is {number}, expected less than {frames}")
    top = number * first.height
    return strip.crop((0, top, first.width, top + first.height))


def main_line(notebook: dict) -> list[dict]:
    """The cells before the shelf."""
    cells = notebook["cells"]
    for number, cell in enumerate(cells):
        text = source_of(cell) if cell["cell_type"] == "markdown" else ""
        if re.search(r"^## The shelf\s*$", text, re.M):
            return cells[:number]
    return cells


def minutes_to_read(notebook: dict) -> int:
    """Minutes for the words and the open code of the main line, to the nearest five."""
    words = lines = 0
    for cell in main_line(notebook):
        text = source_of(cell)
        if cell["cell_type"] == "markdown":
            text = re.sub(r"<details>.*?</details>", "", text, flags=re.S)
            words += len(re.sub(r"\$[^$]*\$", " formula ", text).split())
        elif not FOLDED & set(cell["metadata"].get("tags", [])):
            lines += sum(bool(line.strip()) for line in text.splitlines())
    return max(5, 5 * round((words / WORDS_A_MINUTE + lines / LINES_A_MINUTE) / 5))


@dataclass
class Erratum:
    """A misprint of the source notes, the right statement, the claims that show it."""

    chapter: str
    title: str
    said: str
    right: str
    claims: list[Claim] = field(default_factory=list)


def errata_of(notebook: dict) -> list[Erratum]:
    """The errata of the appendix: below `## N. Chapter`, each a `### Title`.

    Raises ``ValueError`` for one without '**The notes say** …' and '**Right is** …'.
    """
    found, chapter, number = [], "", 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            for bundle in bundles(cell):
                if CLAIM in bundle:
                    number += 1
                    if found:
                        found[-1].claims.append(Claim(number, "", bundle[CLAIM]))
            continue
        for part in re.split(r"^(?=#{2,3} )", source_of(cell), flags=re.M):
            level, _, rest = part.partition(" ")
            title, _, body = rest.partition("\n")
            if level == "##":
                chapter = title.strip()
            elif level == "###":
                found.append(
                    Erratum(chapter, title.strip(), *_said_and_right(title, body))
                )
    return found


def _said_and_right(title: str, body: str) -> tuple[str, str]:
    body = re.sub(r"(?m)^\([\w.-]+\)=\s*$", "", body)
    body = re.sub(
        r"(?m)^\$\$\s*\([\w.-]+\)\s*$", "$$", body
    )  # a label stands once in the book
    parts = re.fullmatch(
        r"\s*\*\*The notes say\*\*(.*?)\n\s*\*\*Right is\*\*(.*)", body, re.S
    )
    if not parts:
        raise ValueError(
            f"erratum {title!r}: expected '**The notes say** …' and '**Right is** …'"
        )
    return parts[1].strip(" :\n"), parts[2].strip(" :\n")
