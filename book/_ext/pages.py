"""What every page of the book leaves out, and what is mended on it."""

import pathlib
import re

from PIL import Image, UnidentifiedImageError

# Scripts and styles that extensions put on every page; thebe names a foreign host.
UNUSED = ("thebe", "togglebutton", "design-tabs", "sphinx-design", "widget-state")


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


def no_address(app, config):
    """Without a public address there is nothing to launch."""
    if not config.html_theme_options.get("repository_url"):
        config.html_theme_options.pop("launch_buttons", None)


def setup(app):
    app.connect("config-inited", no_address, priority=900)
    app.connect("html-page-context", tidy, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
