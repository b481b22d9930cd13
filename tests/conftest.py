"""What the tests share: the chapters, the built book, a browser."""

import json
import os
import pathlib
import subprocess
import sys
import threading

import pytest
from filelock import FileLock

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
SOURCES = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.py"))


def build(root):
    """Build the book below ``root`` as `make book` does; (exit status, log)."""
    run = subprocess.run(
        [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(root), "-W", "--keep-going", "-n"],
        capture_output=True, text=True, cwd=root, env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    return run.returncode, run.stdout + run.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory, testrun_uid):
    """The book, built once for all workers: its folder, the exit status and the log."""
    shared = tmp_path_factory.getbasetemp().parent / f"built-{testrun_uid}.json"
    with FileLock(str(shared) + ".lock"):
        if not shared.exists():
            shared.write_text(json.dumps(build(ROOT)))
    status, log = json.loads(shared.read_text())
    return ROOT / "_build" / "html", status, log


@pytest.fixture(scope="session")
def site(built):
    """The address under which the built book is served."""
    import serve

    server = serve.server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()


@pytest.fixture(scope="session")
def chromium():
    import browser
    from playwright.sync_api import sync_playwright

    path = browser.find()
    assert path, "no browser: run the tests with `make test`, which installs one"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking",
                  "--disable-component-update", "--disable-sync"],
        )
        yield running
        running.close()
