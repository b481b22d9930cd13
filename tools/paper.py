"""Print the built book into one PDF: ``python tools/paper.py [--built DIR]``.

The articles of all pages are joined into one document, where links from page to page
lead inside. Chromium prints it twice: the first time tells on which page a target
stands, the second time contents and index say so.
"""

import argparse
import base64
import html
import io
import json
import pathlib
import re
import sys

import yaml
from PIL import Image

import address
import browser
from book import ROOT

BUILT = ROOT / "_build" / "html"
SCRIPT = re.compile(r"<script\b.*?</script>", re.S)
HEADERLINK = re.compile(r'<a class="headerlink".*?</a>', re.S)
SLIDER = re.compile(r'<div class="explore".*?</script></div>', re.S)
LIVE = re.compile(r'<div class="live".*?</div>', re.S)
FOLD = re.compile(r'(<details class="fold[^>]*><summary>)(.*?)</details>', re.S)
SOLUTION = re.compile(r"<details><summary>Solution</summary>(.*?)</details>", re.S)
DETAILS = re.compile(r"<details>(?=<summary>)")
TAG = re.compile(r"<[a-zA-Z][^>]*>")
HEADING = re.compile(
    r'<section[^>]* id="([^"]+)">(?:\s|<span id="[^"]*"></span>)*<h([1-6])>(.*?)</h\2>',
    re.S,
)
FORMULA = re.compile(
    r"<mjx-container([^>]*)>((?:(?!</mjx-container>).)*?)"
    r"<mjx-assistive-mml[^>]*>(.*?)</mjx-assistive-mml></mjx-container>",
    re.S,
)
ON_PAPER = (
    "On paper a slider shows three of its pictures, a live figure one; below stands "
    "where they move. Checks are one line: their values, and the code of set-ups and "
    "drawings, open in the live book. Solutions stand at the end of each chapter."
)
PLAIN = re.compile(r'<span class="(?:n|p|w|o|nn)">([^<]*)</span>')  # code in black
WIDTH = 658  # CSS pixels between the margins of A4, by print.css
# What is wider than the page is made smaller.
FIT = """async () => {
  await document.fonts.ready;
  const boxes = [...document.querySelectorAll(
    'div.math, span.math, .pst-scrollable-table-container')];
  const widths = boxes.map(box => [box.scrollWidth, box.clientWidth || innerWidth]);
  boxes.forEach((box, k) => {
    const [needed, there] = widths[k];
    if (needed > there + 1) box.style.zoom = there / needed;
  });
}"""
CONCEPT = re.compile(r'(<li><p><a [^>]*href="#([^"]+)".*?</a>).*?(?=</p>)', re.S)
UNNUMBERED = "000"  # holds the place of a page number in the first print


# --- one document ---------------------------------------------------------------------


def parts(root: pathlib.Path = ROOT) -> list[tuple[str, list[str]]]:
    """The book's pages as (caption, names such as "notebooks/05_gradient_descent")."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    listed = [
        (part["caption"], [page["file"] for page in part["chapters"]])
        for part in toc["parts"]
    ]
    return [("", [toc["root"]]), *listed]


def article(text: str, name: str, names: set[str], site: str) -> str:
    """What a page (its HTML) has between its bars, ready to be joined with others.

    Anchors get the page's name before them, links to pages of ``names`` lead inside,
    links to other files of the book lose their target. Sliders become three of their
    pictures, folds one line; worked solutions move to the end.
    """
    body = text.partition("<article")[2].partition(">")[2].partition("</article>")[0]
    body = HEADERLINK.sub("", body)
    body = SLIDER.sub(lambda found: _slider(found) + _note(found, name, site), body)
    body = LIVE.sub(lambda found: found[0] + _note(found, name, site), body)
    body = FOLD.sub(_line, SCRIPT.sub("", body))
    body = FORMULA.sub(_formula, PLAIN.sub(r"\1", body))
    body = DETAILS.sub("<details open>", _with_solutions_last(body))
    return TAG.sub(lambda tag: _inside(tag[0], name, names), body)


def _slider(found: re.Match) -> str:
    """The first frame of a slider over its middle and its last."""
    grid = json.loads(re.search(r"values = (\[\[.*?\]\]), inputs", found[0])[1])
    names = re.findall(r'<span class="name">(.*?)</span>', found[0])
    still = re.search(r"<img [^>]*>", found[0])[0]
    coded = re.search(r'img\.src = "data:image/webp;base64,([^"]+)"', found[0])[1]
    strip = Image.open(io.BytesIO(base64.b64decode(coded)))
    height = int(re.search(r' height="(\d+)"', still)[1])
    shown = []
    for share in (0, 0.5, 1):
        at, frame = [round(share * (len(values) - 1)) for values in grid], 0
        for values, k in zip(grid, at, strict=True):
            frame = frame * len(values) + k
        picture = io.BytesIO()
        box = (0, frame * height, strip.width, (frame + 1) * height)
        strip.crop(box).save(picture, "WEBP", lossless=True, method=0)
        source = base64.b64encode(picture.getvalue()).decode()
        said = ", ".join(
            f"{label} = {html.escape(values[k])}"
            for label, values, k in zip(names, grid, at, strict=True)
        )
        image = re.sub(
            r' src="[^"]*"', f' src="data:image/webp;base64,{source}"', still
        )
        shown.append(f"<figure>{image}<figcaption>{said}</figcaption></figure>")
    return f'<div class="frames">{"".join(shown)}</div>'


def _note(found: re.Match, name: str, site: str) -> str:
    """Where a figure moves."""
    above = HEADING.findall(found.string[: found.start()])
    page = f"{name}.html#{above[-1][0]}" if above else f"{name}.html"
    shown = html.escape(site.removeprefix("https://") + page)
    link = f'<a href="{html.escape(site + page)}">{shown}</a>' if site else shown
    return f'<p class="moves">It moves at {link}</p>'


def _line(found: re.Match) -> str:
    """A fold's line, with the anchors of what it holds."""
    line, _, inside = found[2].partition("</summary>")
    ids = "".join(
        f'<span id="{id}"></span>' for id in re.findall(r' id="([^"]+)"', inside)
    )
    return f"{found[1]}{line}<span>{ids}</span></summary></details>"


def _formula(found: re.Match) -> str:
    """A formula with its symbols as what is read aloud: MathML would be many tags."""
    spoken = " ".join(re.sub(r'<[^>]*>|"', " ", found[3]).split())
    start = f'<mjx-container{found[1]} role="img" aria-label="{spoken}">'
    return f"{start}{found[2]}</mjx-container>"


def _with_solutions_last(body: str) -> str:
    solutions = []

    def move(found):
        k = len(solutions) + 1
        solutions.append(
            f'<div class="solution" id="solution-{k}"><p class="number">'
            f'<a href="#exercise-{k}">{k}</a></p><div>{found[1]}</div></div>'
        )
        return (
            f'<p class="solution" id="exercise-{k}">'
            f'<a href="#solution-{k}">Solution {k}</a></p>'
        )

    body = SOLUTION.sub(move, body)
    if not solutions:
        return body
    last = f"<h2>Solutions</h2>{''.join(solutions)}"
    return f'{body}<section id="solutions">{last}</section>'


def _inside(tag: str, name: str, names: set[str]) -> str:
    """A start tag whose anchors and links are those of the joined document."""
    here = pathlib.PurePosixPath(name)

    def attribute(found):
        key, value = found[1], found[2]
        if key in ("id", "for"):
            return f' {key}="{anchor(name, value)}"'
        if key.startswith("aria-"):
            ids = " ".join(anchor(name, id) for id in value.split())
            return f' {key}="{ids}"'
        if re.match(r"[a-z]+:", value):
            return found[0]
        path, _, fragment = value.partition("#")
        target = _resolved(here.parent / path) if path else f"{name}.html"
        if key == "src":
            return f' src="html/{target}"'
        to = target.removesuffix(".html")
        return f' href="#{anchor(to, fragment)}"' if to in names else ""

    tag = tag.replace(' loading="lazy"', "")
    pattern = r' (id|for|href|src|aria-labelledby|aria-describedby)="([^"]*)"'
    return re.sub(pattern, attribute, tag)


def anchor(name: str, fragment: str = "") -> str:
    """The anchor in the joined document of one on a page, or of the page itself."""
    stem = name.rpartition("/")[2]
    return f"{stem}.{fragment}" if fragment else stem


def _resolved(path: pathlib.PurePosixPath) -> str:
    steps: list[str] = []
    for step in path.parts:
        steps = steps[:-1] if step == ".." else [*steps, step]
    return "/".join(steps)


def join(built: pathlib.Path, site: str, root: pathlib.Path = ROOT) -> str:
    """The document to be printed; its files are in the folder ``built`` beside it.

    ``site`` is the address at which the live book stands, "" when there is none.
    """
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    listed = parts(root)
    names = {name for _, pages in listed for name in pages}
    contents, articles, styles = [], [], []
    for caption, pages in listed:
        if caption:
            contents.append(f'<p class="part">{html.escape(caption)}</p>')
        for name in pages:
            text = (built / f"{name}.html").read_text(encoding="utf-8")
            body = article(text, name, names, site)
            if name == "book/concepts":
                body = CONCEPT.sub(_with_page, body)
            (_, _, title), *sections = HEADING.findall(body)
            contents.append(_entry("chapter", anchor(name), title))
            contents += [_entry("section", *s[::2]) for s in sections if s[1] == "2"]
            page, plain = f"page{len(articles)}", re.sub(r"<[^>]*>", "", title)
            shown = json.dumps(html.unescape(plain), ensure_ascii=False)
            styles.append(
                f".{page} {{ page: {page} }} "
                f"@page {page} {{ @top-right {{ content: {shown} }} }}"
            )
            start = f'<article class="bd-article {page}" id="{anchor(name)}">'
            articles.append(f"{start}{body}</article>")
    head = (built / f"{listed[0][1][0]}.html").read_text(encoding="utf-8")
    sheets = re.findall(r'<link [^>]*href="\.\./(_static/[^"?]+\.css)', head)
    links = "".join(f'<link rel="stylesheet" href="html/{sheet}">' for sheet in sheets)
    title, author = html.escape(config["title"]), html.escape(config["author"])
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="light" data-mode="light" class="paper"><head>
<meta charset="utf-8"><title>{title}</title><meta name="author" content="{author}">
{links}<style>{"".join(styles)}</style></head><body>
<section class="cover"><p class="title">{title}</p>
<p>{author}, {html.escape(config["copyright"])}</p><p>{html.escape(site)}</p>
<p class="how">{ON_PAPER}</p></section>
<nav class="toc"><h1>Contents</h1>{"".join(contents)}</nav>
<main class="bd-content">{"".join(articles)}</main></body></html>
"""


def _entry(kind: str, to: str, title: str) -> str:
    """A line of the contents."""
    title = f"<span>{title}</span>{_page_of(to)}"
    return f'<p class="{kind}"><a href="#{to}">{title}</a></p>'


def _with_page(found: re.Match) -> str:
    """A line of the index: the page instead of the chapter's name."""
    return f"{found[1]} {_page_of(found[2])}"


def _page_of(to: str) -> str:
    return f'<span class="page" data-of="{to}">{UNNUMBERED}</span>'


# --- print ----------------------------------------------------------------------------


def destinations(pdf: bytes) -> dict[str, int]:
    """The page (from 1) of each anchor that something in Chromium's PDF links to."""
    kids = {
        number: re.findall(rb"(\d+) 0 R", listed)
        for number, listed in re.findall(
            rb"\n(\d+) 0 obj\n<</Type /Pages\b[^>]*?/Kids \[(.*?)\]", pdf, re.S
        )
    }
    root = set(kids) - {kid for below in kids.values() for kid in below}

    def leaves(number):
        if number not in kids:
            return [number]
        return [leaf for kid in kids[number] for leaf in leaves(kid)]

    order = [leaf for number in root for leaf in leaves(number)]
    page = {number: k for k, number in enumerate(order, 1)}
    found = re.findall(rb"/([^\s/<>\[\]]+) \[(\d+) 0 R /XYZ ", pdf)
    return {name.decode(): page[number] for name, number in found}


def numbered(text: str, pages: dict[str, int]) -> str:
    """The document with the page numbers of its contents and its index.

    Raises ``ValueError`` when a target is not in ``pages``: nothing of it is printed.
    """
    asked = re.findall(r'data-of="([^"]+)"', text)
    if missing := [target for target in asked if target not in pages]:
        raise ValueError(f"{missing} are on no page, expected all that is listed")
    return re.sub(
        rf'(data-of="([^"]+)">){UNNUMBERED}(?=<)',
        lambda found: f"{found[1]}{pages[found[2]]}",
        text,
    )


def print_pdf(chromium, document: pathlib.Path, pdf: pathlib.Path) -> None:
    """Print the ``document`` of `join` into the file ``pdf``; fill in its numbers.

    ``chromium`` is a running browser, see `browser.launch`.
    """
    options = {"prefer_css_page_size": True, "print_background": True}
    page = chromium.new_page(viewport={"width": WIDTH, "height": 1000})
    page.set_default_timeout(0)
    page.emulate_media(media="print")
    page.goto(document.resolve().as_uri(), timeout=0)
    page.evaluate(FIT)
    first = page.pdf(**options)
    text = document.read_text(encoding="utf-8")
    document.write_text(numbered(text, destinations(first)), encoding="utf-8")
    page.reload(timeout=0)
    page.evaluate(FIT)
    page.pdf(path=pdf, outline=True, tagged=True, **options)
    page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--built", type=pathlib.Path, default=BUILT)
    options = parser.parse_args()
    if not (options.built / "index.html").exists():
        sys.exit("nothing is built yet: `make book` builds it")
    if not (path := browser.find()):
        sys.exit("no browser found: `make browser` installs one")
    url = address.find()
    document = options.built.parent / "paper.html"
    text = join(options.built, address.pages(url) if url else "")
    document.write_text(text, encoding="utf-8")
    pdf = document.with_name("deep-learning-run.pdf")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        print_pdf(browser.launch(playwright, path), document, pdf)
    print(f"Printed: {pdf}, {pdf.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
