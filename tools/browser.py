"""Print the path of a Chromium or Chrome for the browser tests; install one if there is none."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find():
    """The browser of $BOOK_BROWSER, of the system, or the one Playwright has brought; or None."""
    if os.environ.get("BOOK_BROWSER"):
        return os.environ["BOOK_BROWSER"]
    for name in NAMES:
        if path := shutil.which(name):
            return path
    for path in (
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
    ):
        if os.path.exists(path):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) else None


def install():
    """The system's package where we may install it, Playwright's own build elsewhere."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = dict(stdout=sys.stderr, check=False)
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], **quiet)
        if find():
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], stdout=sys.stderr, check=True)


if __name__ == "__main__":
    if not find():
        print("No Chromium or Chrome here: installing one ...", file=sys.stderr)
        install()
    print(find() or sys.exit("no browser could be installed; set BOOK_BROWSER to the path of one"))
