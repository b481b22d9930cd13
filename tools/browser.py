"""Find a Chromium or Chrome for the tests: ``python tools/browser.py [--install]``."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
FLAGS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 120_000  # ms: how long a busy machine may take to reach a state


def find() -> str | None:
    """The browser of $BOOK_BROWSER, of the system, or of Playwright; or None.

    Raises ``ValueError`` when $BOOK_BROWSER names something that is no browser.
    """
    if named := os.environ.get("BOOK_BROWSER"):
        if not _runs(named):
            raise ValueError(
                f"BOOK_BROWSER is {named!r}, expected the path of a Chromium or Chrome"
            )
        return named
    for path in (*filter(None, map(shutil.which, NAMES)), *MAC):
        if _runs(path):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if _runs(path) else None


def launch(playwright, path: str):
    """Start the browser at ``path``, silent towards the outside."""
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE)
    # The sandbox of Chromium does not work for root, nor is it needed for our own
    # pages.
    root = getattr(os, "geteuid", lambda: 1)() == 0
    flags = [*FLAGS, "--no-sandbox"] if root else [*FLAGS]
    return playwright.chromium.launch(
        executable_path=path, args=flags, timeout=PATIENCE
    )


def install() -> None:
    """The system's package for root on Debian and Ubuntu, else Playwright's build."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], stdout=sys.stderr, check=False)
        command = ["apt-get", "install", "-y", "-qq", "chromium"]
        subprocess.run(command, stdout=sys.stderr, check=False)
        if find():
            return
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    subprocess.run(command, stdout=sys.stderr, check=True)


def _runs(path):
    """Whether a browser answers; Ubuntu's chromium-browser may only ask for a snap."""
    if not pathlib.Path(path).is_file():
        return False
    try:
        run = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return run.returncode == 0 and any(
        word in run.stdout for word in ("Chrom", "chrom")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--install", action="store_true", help="when there is none")
    options = parser.parse_args()
    try:
        if not find() and options.install:
            print("No Chromium or Chrome here: installing one ...", file=sys.stderr)
            install()
        print(find() or sys.exit("no browser found: `make browser` installs one"))
    except (ValueError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
