"""Typeset every formula while the book is built, so that a page needs no script to show it.

MathJax runs here, in V8 (the package mini-racer), on the copy of MathJax that the package
sphinx-mathjax-offline carries. The page gets the finished markup, a MathML copy for screen readers,
one style sheet and the fonts.
"""

import functools
import importlib.metadata
import pathlib
import shutil

from docutils import nodes
from py_mini_racer import MiniRacer
from sphinx.domains.math import MathDomain
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)
PARTS = [
    "loader.js", "core.js", "adaptors/liteDOM.js", "input/tex-full.js", "output/chtml.js",
    "output/chtml/fonts/tex.js", "a11y/assistive-mml.js",
]
START = """
var window = globalThis, self = globalThis, setTimeout = f => f();
var console = {log() {}, warn() {}, error() {}};
var MathJax = {loader: {load: [], ready() {}}, startup: {typeset: false, ready() {}}};
0"""
SETUP = """
var _ = MathJax._, adaptor = _.adaptors.liteAdaptor.liteAdaptor();
var handler = new _.handlers.html.HTMLHandler.HTMLHandler(adaptor);
_.mathjax.mathjax.handlers.register(_.a11y["assistive-mml"].AssistiveMmlHandler(handler));
var tex = new _.input.tex_ts.TeX({packages: ["base", "ams", "newcommand", "boldsymbol", "configmacros"]});
var chtml = new _.output.chtml_ts.CHTML({
  font: new _.output.chtml.fonts.tex_ts.TeXFont({fontURL: "mathfonts"}), adaptiveCSS: false});
var page = _.mathjax.mathjax.document("", {InputJax: tex, OutputJax: chtml, enableAssistiveMml: true});
function typeset(source, display) {
  return adaptor.outerHTML(page.convert(source, {display, em: 16, ex: 8, containerWidth: 1200}));
}
0"""


@functools.cache
def _mathjax():
    files = importlib.metadata.files("sphinx-mathjax-offline")
    (core,) = (f for f in files if f.match("static/mathjax/core.js"))
    return pathlib.Path(core.locate()).parent


@functools.cache
def _engine():
    engine = MiniRacer()
    engine.eval(START)
    for part in PARTS:
        engine.eval((_mathjax() / part).read_text() + ";0")
    engine.eval(SETUP)
    return engine


@functools.cache
def typeset(source, display):
    return _engine().call("typeset", source, display)


def _markup(node, display):
    source = node.astext()
    if display and "\\\\" in source and "\\begin{" not in source:
        source = "\\begin{split}" + source + "\\end{split}"
    markup = typeset(source, display)
    if "<mjx-merror" in markup:
        logger.warning("MathJax cannot read %r", source, location=node)
    return markup


def visit_inline(self, node):
    self.body.append(f'<span class="math notranslate nohighlight">{_markup(node, False)}</span>')
    raise nodes.SkipNode


def visit_display(self, node):
    # A formula wider than a phone scrolls by itself, and the keyboard must reach it to do so.
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight", tabindex="0"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append(_markup(node, True) + "</div>\n")
    raise nodes.SkipNode


class Equations(MathDomain):
    """Sphinx shows the number of an equation even where a link has words of its own; keep those."""

    def resolve_xref(self, env, fromdocname, builder, typ, target, node, contnode):
        link = super().resolve_xref(env, fromdocname, builder, typ, target, node, contnode)
        if link is not None and node.get("refexplicit"):
            link.children = []
            link += contnode.children or contnode
        return link


def write_styles(app, exception):
    if exception or app.builder.format != "html":
        return
    static = pathlib.Path(app.outdir) / "_static"
    css = _engine().eval("adaptor.textContent(chtml.styleSheet(page))")
    (static / "math.css").write_text(css)
    (static / "mathfonts").mkdir(exist_ok=True)
    for font in (_mathjax() / "output/chtml/fonts/woff-v2").glob("*.woff"):
        shutil.copy(font, static / "mathfonts")


def setup(app):
    app.add_html_math_renderer("built", (visit_inline, None), (visit_display, None))
    app.add_domain(Equations, override=True)
    app.add_css_file("math.css")
    app.connect("build-finished", write_styles)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
