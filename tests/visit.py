"""A visit to a page in a real browser, and what every page must survive."""

import json

import yaml
from axe_playwright_python.sync_playwright import Axe

from book import ROOT
from browser import PATIENCE

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
FILES = [
    TOC["root"],
    *(entry["file"] for part in TOC["parts"] for entry in part["chapters"]),
]
PAGES = [f"{file}.html" for file in FILES]
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]

# What axe need not look at, to save minutes a page: the inside of a formula (hidden
# from screen readers; its MathML stays, as text) and colours of code that the page has
# had before. Boxes keep their sizes. First all is read, then all is written.
PRUNE = """() => {
  const formulas = [...document.querySelectorAll('mjx-math')];
  const boxes = formulas.map(e => e.getBoundingClientRect());
  const words = [...document.querySelectorAll('.highlight span')], seen = new Set();
  const colour = e => getComputedStyle(e).color;
  const kinds = words.map(e => colour(e) + colour(e.closest('.highlight')));
  const spare = words.filter((e, k) => {
    const word = !e.children.length && e.textContent.length > 1;
    return !word || seen.has(kinds[k]) || !seen.add(kinds[k]);
  });
  formulas.forEach((e, k) => {
    e.replaceChildren();
    const { width, height } = boxes[k];
    e.style.cssText = `display: inline-block; width: ${width}px; height: ${height}px`;
  });
  const spoken = document.querySelectorAll('mjx-assistive-mml math');
  spoken.forEach(e => e.replaceChildren(e.textContent));
  // an emptied formula has lost its width; a test of its own asks what scrolls
  document.querySelectorAll('.math').forEach(e => { e.style.overflow = 'visible'; });
  spare.forEach(e => e.replaceWith(...e.childNodes));
  document.querySelectorAll('.highlight pre').forEach(e => e.normalize());
}"""

# Marks one text of each kind: contrast depends on nothing but colour, size, weight,
# line and what is behind; that of a link also on the words around it. Axe takes its
# time for each, and most look alike. (It skips letters.)
SAMPLE = """() => {
  const texts = [...document.body.querySelectorAll('*')].filter(e => {
    const own = [...e.childNodes].map(node => node.nodeType === 3 ? node.data : '');
    return own.join('').trim().length > 1 && e.checkVisibility();
  });
  const behind = new Map([[null, '']]), seen = new Set();
  const ground = e => {
    if (!behind.has(e)) {
      const s = getComputedStyle(e);
      const own = [s.backgroundColor, s.backgroundImage, s.opacity].join();
      const clear = own === 'rgba(0, 0, 0, 0),none,1';
      behind.set(e, ground(e.parentElement) + (clear ? '' : '|' + own));
    }
    return behind.get(e);
  };
  const samples = texts.filter(e => {
    const s = getComputedStyle(e);
    const line = e.closest('a') ? getComputedStyle(e.closest('a')).textDecorationLine
      + getComputedStyle(e.closest('a').parentElement).color : '';
    const look = [s.color, s.fontSize, s.fontWeight, s.textShadow, line, ground(e)];
    const kind = look.join('/');
    return !seen.has(kind) && seen.add(kind);
  });
  samples.forEach(e => { e.dataset.sample = ''; });
  return samples.length;
}"""


class Visit:
    """A page with everything it asked for and complained about.

    ``storage`` is what the browser remembers from an earlier visit, {key: value}.
    """

    def __init__(
        self, browser, address, *, width=1280, theme="light", script=True, storage=None
    ):
        self.width, phone = width, width < 600
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            java_script_enabled=script,
            has_touch=phone,
        )
        self.context.set_default_timeout(PATIENCE)
        if script:
            memory = {"mode": theme, "theme": theme} | (storage or {})
            self.context.add_init_script(
                f"for (const [key, value] of Object.entries({json.dumps(memory)}))"
                " localStorage[key] ??= value;"
            )
        self.page = self.context.new_page()
        self.asked, self.complaints = [], []
        self.page.on("request", lambda r: self.asked.append(r.url))
        self.page.on(
            "response",
            lambda r: r.status >= 400 and self.complaints.append(f"{r.status} {r.url}"),
        )
        self.page.on(
            "console",
            lambda m: m.type in ("error", "warning") and self.complaints.append(m.text),
        )
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.goto(address, wait_until="load")
        if script:
            self.page.wait_for_function("document.fonts.status === 'loaded'")

    def foreign(self, home):
        """What was asked of another host than ``home``."""
        own = (home, "data:", "blob:", "about:")
        return [address for address in self.asked if not address.startswith(own)]

    def violations(self, colours_only=False):
        """What axe finds, a line a fault. It changes the page, so it is asked last."""
        self.page.evaluate(PRUNE)
        assert self.page.evaluate(SAMPLE), "there is no text on the page"
        axe, only = Axe(), {"resultTypes": ["violations"]}
        colours = ["color-contrast", "link-in-text-block"]
        others = {"rules": {rule: {"enabled": False} for rule in colours}}
        runs = [
            axe.run(
                self.page,
                context={"include": [["[data-sample]"]]},
                options=only | {"runOnly": colours},
            )
        ]
        if not colours_only:
            runs.append(axe.run(self.page, options=only | others))
        return [
            f"{rule['id']}, {len(rule['nodes'])} times ({rule['help']}): {node['html']}"
            for run in runs
            for rule in run.response["violations"]
            for node in rule["nodes"][:3]
        ]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
