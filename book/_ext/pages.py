"""What every page of the book leaves out, what is mended on it, and where it lives.

The public address comes from tools/book.py in two variables: BOOK_ADDRESS is that of
the repository, BOOK_PAGES that of the built book. Both are empty when there is none.
"""

import html
import os
import pathlib
import re

import yaml
from PIL import Image, UnidentifiedImageError

# Scripts and styles that extensions put on every page; thebe names a foreign host.
UNUSED = ("thebe", "togglebutton", "design-tabs", "sphinx-design", "widget-state")

DESCRIPTION = (
    "An interactive textbook of deep learning: every claim is run, "
    "and its sliders move on the page."
)


def tidy(app, pagename, templatename, context, doctree):
    def needed(file):
        text = f"{getattr(file, 'filename', file)} {getattr(file, 'attributes', '')}"
        return not any(word in text.lower() for word in UNUSED)

    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context.get(kind, []) if needed(file)]
    if "body" in context:
        # roles that the bibliography may not have, and pictures that can wait
        body = re.sub(r' role="(?:doc-biblioentry|list)"', "", context["body"])
        # an empty corner of a table heads nothing
        body = re.sub(r'<th class="head">(?:<p></p>)?</th>', "<td></td>", body)
        # names and brackets have the colour of the listing: a quarter of a page's tags
        body = re.sub(r'<span class="(?:n|p|w)">([^<]*)</span>', r"\1", body)
        context["body"] = re.sub(
            r"<img [^>]*>", lambda tag: _waiting(app, tag[0]), body
        )


def _waiting(app, tag):
    """Load a picture when it comes into view, and keep its place free until then."""
    name = re.search(r'src="[^"]*_images/([^"]+)"', tag)
    if name and " width=" not in tag and (size := _size(app, name[1])):
        tag = tag.replace("<img ", '<img width="{}" height="{}" '.format(*size), 1)
    return (
        tag if " loading=" in tag else tag.replace("<img ", '<img loading="lazy" ', 1)
    )


def _size(app, name: str) -> tuple[int, int] | None:
    """Width and height of a picture in ``_images``, or None (of a drawing)."""
    source = next(
        (path for path, stored in app.builder.images.items() if stored == name), None
    )
    if source is None:
        return None
    try:
        with Image.open(pathlib.Path(app.srcdir) / source) as picture:
            return picture.size
    except (UnidentifiedImageError, FileNotFoundError):
        return None


def public_address(app, config):
    """With an address: launch buttons, and where each page is; else neither."""
    url = os.environ.get("BOOK_ADDRESS", "")
    if "repository_url" in config.html_theme_options:  # Jupyter Book puts its own
        config.html_theme_options["repository_url"] = url
    if url:
        config.html_baseurl = os.environ["BOOK_PAGES"]
    else:
        config.html_theme_options.pop("launch_buttons", None)


def preview(app, pagename, templatename, context, doctree):
    """What a search engine or a message shows of a page: title, question, picture."""
    path, told = pathlib.Path(app.srcdir) / "book" / "chapters.yml", {}
    if path.exists():
        told = yaml.safe_load(path.read_text(encoding="utf-8"))["chapters"]
    stem = pagename.rpartition("/")[2]
    title = re.sub(r"<[^>]+>", "", context.get("title", ""))
    says = told[stem]["question"] if stem in told else DESCRIPTION
    tags = {"og:type": "article", "og:title": f"{title} · {app.config.html_title}"}
    tags["og:description"] = says
    if home := app.config.html_baseurl:
        number = stem[:2] if stem in told else "05"
        tags["og:url"] = f"{home}{pagename}.html"
        tags["og:image"] = f"{home}_images/question-{number}.webp"
    lines = [f'<meta name="description" content="{html.escape(says)}" />']
    lines += [
        f'<meta property="{name}" content="{html.escape(text)}" />'
        for name, text in tags.items()
    ]
    context["metatags"] = context.get("metatags", "") + "\n".join(lines)


def sitemap(app, exception):
    """Where each page is, for search engines, when there is an address."""
    home = app.config.html_baseurl
    if exception or app.builder.format != "html" or not home:
        return
    names = sorted(app.env.found_docs)
    rows = "".join(f"<url><loc>{home}{name}.html</loc></url>\n" for name in names)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{rows}</urlset>\n'
    )
    (pathlib.Path(app.outdir) / "sitemap.xml").write_text(text, encoding="utf-8")


def setup(app):
    app.connect("config-inited", public_address, priority=900)
    app.connect("html-page-context", tidy, priority=900)
    app.connect("html-page-context", preview)
    app.connect("build-finished", sitemap)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
