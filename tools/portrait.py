"""Two pictures of a page for the README, light and dark: ``python tools/portrait.py``.

They show what the built book shows, so build it first.
"""

import threading

import browser
import serve
from book import ROOT

PAGE, TARGET = "notebooks/05_gradient_descent.html", "live-race"
FOLDER = ROOT / ".github"


def main() -> None:
    from playwright.sync_api import sync_playwright

    with (
        serve.server(ROOT / "_build" / "html") as server,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium = browser.launch(playwright, browser.find())
        for theme in ("light", "dark"):
            page = chromium.new_page(
                viewport={"width": 1280, "height": 860}, color_scheme=theme
            )
            page.goto(f"http://127.0.0.1:{server.server_port}/{PAGE}#{TARGET}")
            page.wait_for_load_state("networkidle")
            page.locator(".live").scroll_into_view_if_needed()
            page.locator(f"#{TARGET}").evaluate("e => e.scrollIntoView()")
            page.screenshot(path=FOLDER / f"page-{theme}.png")
        chromium.close()
        server.shutdown()


if __name__ == "__main__":
    main()
