"""Fold what a reader need not see at once: set-up, what draws, and the checks.

A code cell's tag says what it is. MyST-NB turns the cell into a container of class
``cell`` with the parts ``cell_input`` and ``cell_output``; here the parts move into a
native ``<details>``, which opens without any script. The page's switch and its memory
are in ``_static/house.js``.
"""

import html
import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

CODE = {"tag_set-up": "Set-up", "tag_picture": "The picture"}
CLAIM = re.compile(r'<div class="claim\b')
WORDS = re.compile(r'<span class="what">(.*?)</span>', re.S)
LONGEST = 200  # letters of the claims' words on a fold's line, which is cut off anyway


class Fold(nodes.General, nodes.Element):
    """``<details class="fold …">``; the attribute ``summary`` is its line, as HTML."""


def visit_fold(self, node: Fold) -> None:
    self.body.append(f'<details class="{" ".join(["fold", *node["classes"]])}">')
    self.body.append(f"<summary>{node['summary']}</summary>\n")


def depart_fold(self, node: Fold) -> None:
    self.body.append("</details>\n")


def claim_id(doc: str, number: int) -> str:
    """The anchor of the chapter's claim ``number`` (from 1): ``claim-05-12``."""
    return f"claim-{doc.rpartition('/')[2].partition('_')[0]}-{number}"


def checks_summary(claims: list[str]) -> str:
    """The one line of a folded checks cell, from its claims' words (HTML)."""
    count = f"{len(claims)} check{'s' * (len(claims) != 1)}"
    words = html.unescape(" · ".join(claims))
    words = words if len(words) <= LONGEST else words[:LONGEST].rsplit(" ", 1)[0] + " …"
    # The words are said again, with their values, as soon as the fold is open.
    return (
        f'<span class="count">{count} <span class="tick">✓</span></span> '
        f'<span class="words" aria-hidden="true">{html.escape(words)}</span>'
    )


def _fold(children: list[nodes.Node], kind: str, summary: str) -> Fold:
    return Fold("", *children, classes=[kind], summary=summary)


def fold_cell(cell: nodes.container) -> None:
    """Move the parts of a tagged cell into its fold, in place."""
    part = {child.get("nb_element"): child for child in cell.children}
    source, output = part.get("cell_code_source"), part.get("cell_code_output")
    if "tag_checks" in cell["classes"]:
        shown = "".join(raw.astext() for raw in cell.findall(nodes.raw))
        summary = checks_summary(WORDS.findall(shown))
        parts = [child for child in (output, source) if child is not None]
        cell.children = []
        cell += _fold(parts, "checks", summary)
        return
    for tag, summary in CODE.items():
        if tag in cell["classes"] and source is not None:
            cell.children = []
            cell += _fold([source], tag.removeprefix("tag_"), summary)
            if output is not None:
                cell += output


class Folds(SphinxPostTransform):
    """Anchor every claim and fold the tagged cells, once it is chosen what is shown."""

    default_priority = 200
    formats = ("html",)

    def run(self, **kwargs) -> None:
        doc, number = self.env.docname, 0
        for raw in self.document.findall(nodes.raw):
            if CLAIM.match(raw.rawsource or raw.astext()):
                number += 1
                text = raw.astext().replace(
                    "<div ", f'<div id="{claim_id(doc, number)}" ', 1
                )
                raw.children = [nodes.Text(text)]
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") == "cell_code":
                fold_cell(cell)


def setup(app: Sphinx) -> dict:
    app.add_node(Fold, html=(visit_fold, depart_fold))
    app.add_post_transform(Folds)
    app.add_js_file("house.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
