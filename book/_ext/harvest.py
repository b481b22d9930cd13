"""Pages derived from the executed chapters: concepts, claims, headlines, corrections, sliders.

Nothing on those pages is typed twice: the directives below read the notebooks that the tests have
run and write what they find.
"""

import html
import json
import pathlib
import re

from docutils import nodes
from docutils.transforms import Transform
from sphinx.util.docutils import SphinxDirective

CLAIM, HEADLINE = "application/vnd.book.claim+json", "application/vnd.book.headline+json"
TARGET = re.compile(r"^\(([\w.-]+)\)=\s*$")
# How names and abbreviations are written; every other word of a concept's id is lower case.
NAMES = {
    word.lower(): word
    for word in """Adam AdaGrad RMSProp Muon Newton Nesterov Polyak Robbins Monro Lagrange Taylor
    Lipschitz Hessian GD SGD PL EMA L Bayes Gauss Gaussian Markov Fourier Jacobian Laplacian Jensen
    Shannon Gram Schmidt Cauchy Schwarz Cholesky Sylvester Moore Penrose Lp Weierstrass
    Montufar Wang Jacobi AD MSE PSD KL MLP CNN RNN LSTM GRU GNN GAN VAE NTK NNGP PCA SVD QR BERT GPT ReLU PAC VC
    L1 L2 Toeplitz LeNet AlexNet VGG Inception U WaveNet ELMo GDL PointNet ChebNet Weisfeiler Lehman WL ELBO
    FGSM Carlini Wagner Brownian Chebyshev Bernoulli Poisson MGF CDF Anscombe Datasaurus Hughes Langevin
    ML""".split()
}


def chapters(app):
    """(docname, notebook) of every chapter in the table of contents, in order."""
    root = pathlib.Path(app.srcdir)
    for path in sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        if (doc := f"notebooks/{path.stem}") in app.env.found_docs:
            yield doc, json.loads(path.read_text())


def source_of(cell):
    return "".join(cell["source"])


def title_of(notebook):
    for cell in notebook["cells"]:
        if found := re.search(r"^# (.+)$", source_of(cell), re.M):
            return found[1].strip()
    return "Untitled"


def walk(notebook):
    """Yield ("target", id), ("correction", title, said, right, shown), (mime, data) in order.

    The cell that shows a correction stands right after its box; where text follows the box, right
    before it. ``shown`` is +1 or -1 accordingly.
    """
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            for output in cell["outputs"]:
                for mime in (HEADLINE, CLAIM):
                    if mime in output.get("data", {}):
                        yield mime, output["data"][mime]
            continue
        text = source_of(cell)
        box = re.compile(r"^:::\{admonition\} ([^\n]+)\n:class: correction\n(.*?)^:::$", re.M | re.S)
        events = [(m.start(), ("target", m[1])) for m in re.finditer(TARGET.pattern, text, re.M)]
        for m in box.finditer(text):
            parts = re.match(r"\s*\*\*The notes\*?\*?(.*?)\n\s*\n\*\*Right is(.*)", m[2], re.S)
            if not parts:
                raise ValueError(f"correction {m[1]!r}: expected '**The notes …' and '**Right is …'")
            said, right = (re.sub(r"^[:*\s]+", "", p.replace("**", "", 1)).strip() for p in parts.groups())
            rest = box.sub("", text[m.end():]).strip()
            following = notebook["cells"][number + 1]["cell_type"] if number + 1 < len(notebook["cells"]) else ""
            shown = -1 if rest or following != "code" else 1
            events.append((m.start(), ("correction", m[1], said, right, shown)))
        yield from (event for _, event in sorted(events, key=lambda e: e[0]))


def concept_name(target):
    words = [NAMES.get(word, word) for word in target.split("-")]
    name = " ".join(words).replace("occams", "Occam's")
    for pair in ("L smoothness", "LeNet 5", "U net"):
        name = name.replace(pair, pair.replace(" ", "-").replace("net", "Net"))
    for pair in ("Robbins Monro", "Gram Schmidt", "Cauchy Schwarz", "Moore Penrose", "Jensen Shannon",
                 "Carlini Wagner", "Weisfeiler Lehman"):
        name = name.replace(pair, pair.replace(" ", "–"))
    return name[0].upper() + name[1:]


class Harvest(SphinxDirective):
    """Parse Markdown made from the notebooks, so that links and formulas work as if typed."""

    def run(self):
        self.env.note_reread()
        return self.parse_text_to_nodes(self.markdown()) if hasattr(self, "parse_text_to_nodes") else self._parse()

    def _parse(self):
        from docutils.statemachine import StringList

        holder = nodes.container()
        self.state.nested_parse(StringList(self.markdown().splitlines(), "harvest"), 0, holder)
        return holder.children


class Concepts(Harvest):
    def markdown(self):
        found = {}
        for doc, notebook in chapters(self.env.app):
            for event in walk(notebook):
                if event[0] == "target" and not event[1].endswith(("-chapter", "-practice")) and not event[1].startswith("headline-"):
                    found[concept_name(event[1])] = (event[1], title_of(notebook))
        lines, letter = [f"{len(found)} concepts.", ""], ""
        for name in sorted(found, key=str.lower):
            if name[0].upper() != letter:
                letter = name[0].upper()
                lines += ["", f"**{letter}**", ""]
            target, chapter = found[name]
            lines.append(f"- [{name}](#{target}) · {chapter}")
        return "\n".join(lines)


class Claims(Harvest):
    def markdown(self):
        lines, total = [], 0
        for doc, notebook in chapters(self.env.app):
            rows, target = [], None
            for event in walk(notebook):
                if event[0] == "target":
                    target = event[1]
                elif event[0] == CLAIM:
                    c = event[1]
                    cells = (c["claim"], c["measured"], c["expected"], c["tolerance"])
                    text = " | ".join(_plain(cell) for cell in cells)
                    rows.append(f"| {text} | [{concept_name(target)}](#{target}) |" if target else f"| {text} | |")
            total += len(rows)
            lines += ["", f"## {title_of(notebook)}", "", f"{len(rows)} claims, in the order of [the chapter](/{doc}).", "",
                      "| claim | measured | expected | tolerance | where |", "|---|---|---|---|---|", *rows]
        return "\n".join([f"**{total} claims**, all of them true the last time the book was run.", *lines])


class Headlines(Harvest):
    def markdown(self):
        lines = ["| chapter | what was measured | measured | limit | ratio |", "|---|---|---|---|---|"]
        for doc, notebook in chapters(self.env.app):
            for event in walk(notebook):
                if event[0] == HEADLINE:
                    h = event[1]
                    ratio = h["ratio"] + (f" (worst of {h['count']})" if h["count"] > 1 else "")
                    lines.append(f"| [{title_of(notebook)}](/{doc}) | {_plain(h['name'])} | {_plain(h['measured'])} | {_plain(h['limit'])} | {ratio} |")
        return "\n".join(lines)


class Corrections(Harvest):
    def markdown(self):
        lines = []
        for doc, notebook in chapters(self.env.app):
            events = list(walk(notebook))
            lines += ["", f"## {title_of(notebook)}", ""]
            target = None
            for number, event in enumerate(events):
                target = event[1] if event[0] == "target" else target
                if event[0] != "correction":
                    continue
                _, title, said, right, shown = event
                near = events[number:] if shown > 0 else events[number::-1]
                claim = next((e[1]["claim"] for e in near if e[0] == CLAIM), "")
                lines += ["", f"**{title}**", "", f"The notes {_flat(said)}", "", f"Right is: {_flat(right)}", "",
                          f"Shown by “{_plain(claim)}” under [{concept_name(target)}](#{target}).", ""]
        return "\n".join(lines)


class Slider(SphinxDirective):
    """``{slider} notebooks/05_gradient_descent`` shows the slider whose alt text has the content."""

    required_arguments, has_content = 1, True

    def run(self):
        wanted = " ".join(self.content)
        for doc, notebook in chapters(self.env.app):
            for cell in notebook["cells"] if doc == self.arguments[0] else []:
                for output in cell.get("outputs", []):
                    found = "".join(output.get("data", {}).get("text/html", ""))
                    if 'class="explore"' in found and wanted in html.unescape(found):
                        return [nodes.raw("", found, format="html")]
        raise self.error(f"{self.arguments[0]} has no slider whose alt text says {wanted!r}")


class Measured(Harvest):
    """The table that `make bench` wrote."""

    def markdown(self):
        path = pathlib.Path(self.env.app.srcdir) / "book" / "benchmarks.json"
        rows = json.loads(path.read_text())
        return "\n".join(["| what | figure |", "|---|---|", *(f"| {_plain(k)} | {_plain(v)} |" for k, v in rows.items())])


def _plain(text):
    """Text that stays text inside a Markdown table."""
    return re.sub(r"([\\`*_{}\[\]<>|$~#])", r"\\\1", html.unescape(text))


def _flat(text):
    return " ".join(text.split())


class TargetsFirst(Transform):
    """Give a target the id of its name, also where a heading's text would have taken it."""

    default_priority = 300

    def apply(self):
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
        "concepts": Concepts, "claims": Claims, "headlines": Headlines, "corrections": Corrections,
        "slider": Slider, "measured": Measured,
    }.items():
        app.add_directive(name, directive)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
