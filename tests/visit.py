"""A visit to a page in a real browser, and the pages there are."""

from conftest import SOURCES

CHAPTERS = [f"notebooks/{source.stem}.html" for source in SOURCES]
PAGES = ["book/index.html", "book/how_to_use.html", "book/notation.html", "book/concepts.html", "book/claims.html",
         "book/headlines.html", "book/corrections.html", "book/benchmarks.html", "book/references.html", *CHAPTERS]


class Visit:
    """A page with everything it asked for and complained about."""

    def __init__(self, browser, address, *, width=1280, theme="light", script=True):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=script)
        if script:
            self.context.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
        self.page = self.context.new_page()
        self.asked, self.complaints, self.bytes = [], [], 0
        self.page.on("request", lambda r: self.asked.append(r.url))
        self.page.on("response", lambda r: r.status >= 400 and self.complaints.append(f"{r.status} {r.url}"))
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.goto(address, wait_until="load")

    def foreign(self, home):
        return [u for u in self.asked if not u.startswith((home, "data:", "blob:", "about:"))]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
