"""Typeset every formula while the book is built: a page needs no script to show it.

MathJax runs here, in V8 (the package mini-racer), on the copy of MathJax that the
package sphinx-mathjax-offline carries. The page gets the finished markup, a MathML copy
for screen readers, one style sheet and the fonts.

V8 does not survive a fork and must be closed before the interpreter ends: formulas are
typeset in the main process, before pages are written (maybe in parallel), and the
engine is closed with the build.
"""

import atexit
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
MATHJAX = "3.2.2"  # SETUP stands on parts of MathJax that are not its public face
PARTS = [
    "loader.js",
    "core.js",
    "adaptors/liteDOM.js",
    "input/tex-full.js",
    "output/chtml.js",
    "output/chtml/fonts/tex.js",
    "a11y/assistive-mml.js",
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
var packages = ["base", "ams", "newcommand", "boldsymbol", "configmacros"];
var tex = new _.input.tex_ts.TeX({packages});
var font = new _.output.chtml.fonts.tex_ts.TeXFont({fontURL: "mathfonts"});
var chtml = new _.output.chtml_ts.CHTML({font, adaptiveCSS: false});
var jax = {InputJax: tex, OutputJax: chtml, enableAssistiveMml: true};
var page = _.mathjax.mathjax.document("", jax);
function typeset(source, display) {
  var sizes = {display, em: 16, ex: 8, containerWidth: 1200};
  return adaptor.outerHTML(page.convert(source, sizes));
}
0"""


@functools.cache
def _mathjax() -> pathlib.Path:
    """The folder of MathJax's components."""
    files = importlib.metadata.files("sphinx-mathjax-offline") or []
    cores = [file for file in files if file.match("static/mathjax/core.js")]
    if len(cores) != 1:
        raise FileNotFoundError(
            f"sphinx-mathjax-offline has {len(cores)} files static/mathjax/core.js, "
            "expected one: is the package installed?"
        )
    return pathlib.Path(cores[0].locate()).parent


@functools.cache
def _engine() -> MiniRacer:
    engine = MiniRacer()
    atexit.register(engine.close)  # also when the build is interrupted
    engine.eval(START)
    for part in PARTS:
        engine.eval((_mathjax() / part).read_text(encoding="utf-8") + ";0")
    if (version := engine.eval("String(MathJax.version)")) != MATHJAX:
        raise RuntimeError(f"MathJax is {version}, expected {MATHJAX}: try SETUP on it")
    engine.eval(SETUP)
    return engine


@functools.cache
def typeset(source: str, display: bool) -> str:
    """The markup of a formula in TeX."""
    return _engine().call("typeset", source, display)


def typeset_nodes(root: nodes.Node) -> None:
    """Give every formula below ``root`` its finished ``markup``."""
    for kind in (nodes.math, nodes.math_block):
        for node in root.findall(kind):
            source, display = node.astext(), kind is nodes.math_block
            if display and "\\\\" in source and "\\begin{" not in source:
                source = "\\begin{split}" + source + "\\end{split}"
            node["markup"] = typeset(source, display)
            if "<mjx-merror" in node["markup"]:
                logger.warning("MathJax cannot read %r", source, location=node)


def typeset_page(app, doctree, docname) -> None:
    typeset_nodes(doctree)


def typeset_titles(app, env) -> None:
    """Titles stand on other pages too, in their tables of contents."""
    for parts in (env.titles, env.longtitles, env.tocs):
        for part in parts.values():
            typeset_nodes(part)


def visit_inline(self, node):
    markup = node["markup"]
    self.body.append(f'<span class="math notranslate nohighlight">{markup}</span>')
    raise nodes.SkipNode


def visit_display(self, node):
    # A formula wider than a phone scrolls by itself: the keyboard must reach it.
    self.body.append(
        self.starttag(node, "div", CLASS="math notranslate nohighlight", tabindex="0")
    )
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append(node["markup"] + "</div>\n")
    raise nodes.SkipNode


class Equations(MathDomain):
    """Sphinx shows an equation's number even where a link has words; keep those."""

    def resolve_xref(self, env, fromdocname, builder, typ, target, node, contnode):
        link = super().resolve_xref(
            env, fromdocname, builder, typ, target, node, contnode
        )
        if link is not None and node.get("refexplicit"):
            link.children = []
            link += contnode.children or contnode
        return link


def write_styles(app, exception) -> None:
    """The style sheet and the fonts; with them the engine's work is done."""
    try:
        if exception or app.builder.format != "html":
            return
        static = pathlib.Path(app.outdir) / "_static"
        css = _engine().eval("adaptor.textContent(chtml.styleSheet(page))")
        (static / "math.css").write_text(css, encoding="utf-8")
        (static / "mathfonts").mkdir(exist_ok=True)
        for font in (_mathjax() / "output/chtml/fonts/woff-v2").glob("*.woff"):
            shutil.copy(font, static / "mathfonts")
    finally:
        close_engine()


def close_engine() -> None:
    if _engine.cache_info().currsize:
        atexit.unregister(_engine().close)
        _engine().close()
        _engine.cache_clear()


def setup(app):
    app.add_html_math_renderer("built", (visit_inline, None), (visit_display, None))
    app.add_domain(Equations, override=True)
    app.add_css_file("math.css")
    app.connect("env-updated", typeset_titles)
    app.connect("doctree-resolved", typeset_page, priority=900)
    app.connect("build-finished", write_styles)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
