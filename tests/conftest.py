"""What the tests share: the built book, its address, a browser."""

import json
import os
import threading

import pytest
from filelock import FileLock
from hypothesis import settings

import browser
import serve
from book import ROOT, build

settings.register_profile("book", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("book")  # here, since @given reads it when a test is defined


@pytest.fixture(scope="session")
def built(tmp_path_factory, testrun_uid):
    """The book, built once, from nothing, without address: (folder, status, log)."""
    shared = tmp_path_factory.getbasetemp().parent / f"built-{testrun_uid}"
    folder, result = shared / "_build" / "html", shared / "result.json"
    shared.mkdir(exist_ok=True)
    with FileLock(str(shared / "lock")):
        if not result.exists():
            result.write_text(json.dumps(build(ROOT, shared, "")), encoding="utf-8")
    status, log = json.loads(result.read_text(encoding="utf-8"))
    return folder, status, log


@pytest.fixture(scope="session")
def site(built):
    """The address under which the built book is served."""
    with serve.server(built[0]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def chromium():
    """A running browser. Without one its tests are skipped, but not in CI."""
    from playwright.sync_api import sync_playwright

    path = browser.find()
    if not path:
        missing = "no Chromium or Chrome found: `make browser` installs one"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with sync_playwright() as playwright:
        running = browser.launch(playwright, path)
        yield running
        running.close()
