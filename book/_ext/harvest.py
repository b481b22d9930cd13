"""Pages derived from the executed chapters: concepts, claims, headlines, corrections.

Nothing on those pages is typed twice: the directives below read the notebooks that the
tests have run and write what they find. What is read, and how, is in ``chapters.py``.
"""

import html
import json
import pathlib
import re

import yaml
from docutils import nodes
from docutils.transforms import Transform
from sphinx.util.docutils import SphinxDirective

from chapters import (
    Chapter,
    chapters,
    claims_of,
    errata_of,
    is_concept,
    slider_of,
    targets_of,
)
from folds import claim_id


def concept_names(text: str) -> dict[str, str | None]:
    """Target to name, of all chapters in ``concepts.yml``; None for mere places."""
    return {
        k: name
        for part in (yaml.safe_load(text) or {}).values()
        for k, name in part.items()
    }


def readable(target: str) -> str:
    """A name for a target that ``concepts.yml`` does not list yet."""
    words = target.replace("-", " ")
    return words[:1].upper() + words[1:]


class FromBook(SphinxDirective):
    """A directive made from files of the book; when one changes, so does its page."""

    @property
    def root(self) -> pathlib.Path:
        return pathlib.Path(self.env.app.srcdir)

    def read(self, name: str) -> str:
        """The text of a file of the book; "" when it does not exist (yet)."""
        path = self.root / name
        self.env.note_dependency(str(path))
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def chapters(self) -> list[Chapter]:
        self.env.note_dependency(str(self.root / "_toc.yml"))
        found = chapters(self.root)
        for chapter in found:
            self.env.note_dependency(str(self.root / f"{chapter.doc}.ipynb"))
        return found

    def page(self, doc: str, anchor: str = "") -> str:
        """The address of a page, seen from this one."""
        address = self.env.app.builder.get_relative_uri(self.env.docname, doc)
        return f"{address}#{anchor}" if anchor else address

    def claim_link(self, chapter: Chapter, number: int, text: str) -> str:
        address = self.page(chapter.doc, claim_id(chapter.doc, number))
        return f'<a href="{address}">{html.escape(text)}</a>'


class FromBookMarkdown(FromBook):
    """Parse Markdown made from the book: links and formulas work as if typed."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(self.markdown(), allow_section_headings=True)


class FromBookHtml(FromBook):
    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", self.html(), format="html")]


class Concepts(FromBookMarkdown):
    def markdown(self) -> str:
        names = concept_names(self.read("book/concepts.yml"))
        found = {
            names.get(target, readable(target)): (target, chapter)
            for chapter in self.chapters()
            for target in targets_of(chapter.notebook)
            if is_concept(target) and names.get(target, "") is not None
        }
        lines, letter = [f"{len(found)} concepts.", ""], ""
        for name in sorted(found, key=str.lower):
            if name[0].upper() != letter:
                letter = name[0].upper()
                lines += ["", f"**{letter}**", ""]
            target, chapter = found[name]
            lines.append(f"- [{plain(name)}](#{target}) · {chapter.label}")
        return "\n".join(lines)


class Claims(FromBookHtml):
    """Each chapter's claims in a fold; little markup, for there are thousands."""

    def html(self) -> str:
        folds, total = [], 0
        for chapter in self.chapters():
            claims = claims_of(chapter.notebook)
            total += len(claims)
            rows = [
                f"<li>{self.claim_link(chapter, claim.number, claim.data['claim'])} "
                f"{values(claim.data)}</li>"
                for claim in claims
            ]
            folds.append(
                f'<details class="claims" id="{claim_id(chapter.doc, 0)[:-2]}">'
                f"<summary>{html.escape(chapter.label)} "
                f'<span class="count">{len(rows)} claims</span></summary>\n'
                f"<ol>\n{chr(10).join(rows)}\n</ol></details>\n"
            )
        return (
            f"<p><strong>{total} claims</strong>, all of them true the last time the "
            f"book was run. A claim's words lead to its place.</p>\n{''.join(folds)}"
        )


def values(claim: dict) -> str:
    """What stands behind a claim's words: both values, and the tolerance if any."""
    parts = [f"measured {claim['measured']}", f"expected {claim['expected']}"]
    return html.escape(
        " · ".join(parts + [claim["tolerance"]] * bool(claim.get("tolerance")))
    )


class Headlines(FromBookMarkdown):
    def markdown(self) -> str:
        lines = [
            "| chapter | what was measured | measured | limit | ratio |",
            "|---|---|---|---|---|",
        ]
        for chapter in self.chapters():
            for claim in claims_of(chapter.notebook):
                if not (h := claim.headline):
                    continue
                ratio = h["ratio"] + (
                    f" (worst of {h['count']})" if h["count"] > 1 else ""
                )
                what = self.claim_link(chapter, claim.number, h["name"]).replace(
                    "|", "&#124;"
                )
                cells = [f"[{chapter.label}](/{chapter.doc})", what]
                cells += [plain(h["measured"]), plain(h["limit"]), ratio]
                lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)


class Corrections(FromBookMarkdown):
    def markdown(self) -> str:
        lines, chapter = [], ""
        for notebook in (c for c in self.chapters() if not c.number):
            for erratum in errata_of(notebook.notebook):
                if erratum.chapter != chapter:
                    chapter = erratum.chapter
                    lines += ["", f"## {chapter}", ""]
                lines += [
                    f"**{erratum.title}**",
                    "",
                    f"The notes say {erratum.said}",
                    "",
                ]
                lines += [f"Right is {erratum.right}", ""]
                shown = [
                    self.claim_link(notebook, c.number, c.data["claim"])
                    for c in erratum.claims
                ]
                lines += [f"Shown by {' · '.join(shown)}", ""] if shown else []
        return "\n".join(lines) or "None has been collected yet."


class Slider(FromBook):
    """``{slider} notebooks/05_…`` shows the slider whose alt text has the content."""

    required_arguments, has_content = 1, True

    def run(self) -> list[nodes.Node]:
        wanted = " ".join(self.content)
        for chapter in self.chapters():
            if chapter.doc == self.arguments[0]:
                if found := slider_of(chapter.notebook, wanted):
                    return [nodes.raw("", found, format="html")]
        raise self.error(
            f"{self.arguments[0]} has no slider whose alt text says {wanted!r}"
        )


class Measured(FromBookMarkdown):
    """The table that `make bench` wrote."""

    def markdown(self) -> str:
        rows = json.loads(self.read("book/benchmarks.json"))
        lines = [
            f"| {plain(what)} | {plain(figure)} |" for what, figure in rows.items()
        ]
        return "\n".join(["| what | figure |", "|---|---|", *lines])


class Mutations(FromBookMarkdown):
    """The table of what `make mutate` found, chapter by chapter, and what got away."""

    def markdown(self) -> str:
        scores = json.loads(self.read("book/mutations.json") or "{}")
        lines = ["| chapter | slips made | noticed | share |", "|---|---|---|---|"]
        away = []
        for chapter in self.chapters():
            if not chapter.number:
                continue
            row, survivors = mutation_row(scores.get(chapter.doc.rpartition("/")[2]))
            lines.append(f"| [{chapter.label}](/{chapter.doc}) | {row} |")
            if survivors:
                away += [
                    "",
                    f"**{chapter.label}**",
                    "",
                    *(f"- {plain(s)}" for s in survivors),
                ]
        if away:
            lines += ["", "## What got away", *away]
        return "\n".join(lines)


class Textfile(FromBook):
    """``{textfile} LICENSE`` shows a file of the book as it is."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        text = self.read(self.arguments[0]) or f"{self.arguments[0]} is missing."
        return [nodes.literal_block(text, text, language="text", classes=["textfile"])]


def mutation_row(score: dict | None) -> tuple[str, list[str]]:
    """The cells of a chapter's row, and its survivors as text."""
    if not score or not score.get("mutants"):
        return "not yet measured | | ", []
    share = 100 * score["noticed"] / score["mutants"]
    survivors = [
        s if isinstance(s, str) else _survivor(s) for s in score.get("survivors", [])
    ]
    return f"{score['mutants']} | {score['noticed']} | {share:.0f} % ", survivors


def _survivor(fault: dict) -> str:
    return " → ".join(str(value) for value in fault.values())


def plain(text: str) -> str:
    """Text that stays text inside a Markdown table."""
    text = re.sub(r"([\\`*_{}\[\]<>|$~#&])", r"\\\1", text)
    return " ".join(text.split())


class TargetsFirst(Transform):
    """Give a target the id of its name, also where a heading would have taken it."""

    default_priority = 300

    def apply(self) -> None:
        document = self.document
        for name, explicit in list(document.nametypes.items()):
            id, wanted = document.nameids.get(name), nodes.make_id(name)
            if not (explicit and id and id != wanted and wanted in document.ids):
                continue
            ours, taker = document.ids[id], document.ids[wanted]
            if ours is taker:
                continue
            aside = wanted + "-heading"
            taker["ids"][taker["ids"].index(wanted)] = aside
            ours["ids"][ours["ids"].index(id)] = wanted
            document.ids[aside], document.ids[wanted] = taker, ours
            for other, its in document.nameids.items():
                if its == wanted:
                    document.nameids[other] = aside
            document.nameids[name] = wanted
            for node in document.findall(nodes.target):
                if node.get("refid") == id:
                    node["refid"] = wanted


def setup(app):
    app.add_transform(TargetsFirst)
    for name, directive in {
        "concepts": Concepts,
        "claims": Claims,
        "headlines": Headlines,
        "corrections": Corrections,
        "slider": Slider,
        "measured": Measured,
        "mutations": Mutations,
        "textfile": Textfile,
    }.items():
        app.add_directive(name, directive)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
